"""Entries as rows of the journal's table, and back. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from ..models import Handle, Outcome, Reason
from ..results import RunError
from .entry import Entry, State

MAX_VALUE = 64 * 1024
"""Bytes of JSON that a value may have in a journal."""

COLUMNS = ("key", "name", "state", "run_id", "handle", "attempts", "past", "outcome", "succeeded")

Row = tuple[Any, ...]


def row_of(entry: Entry) -> Row:
    """The row of an entry, in the order of COLUMNS."""
    return (
        entry.key,
        entry.name,
        entry.state.value,
        entry.run_id,
        None if entry.handle is None else json.dumps(_plain(entry.handle)),
        _text_of(entry.attempts),
        _text_of(entry.past),
        None if entry.outcome is None else json.dumps(_bounded(entry.outcome)),
        entry.outcome is not None and entry.outcome.ok,
    )


def entry_of(row: Row) -> Entry:
    """The entry of a row. ValueError, KeyError or TypeError if the row was not made by `row_of`."""
    key, name, state, run_id, handle, attempts, past, outcome, _ = row
    return Entry(
        key=key,
        name=name,
        state=State(state),
        run_id=run_id,
        handle=None if handle is None else Handle(**json.loads(handle)),
        attempts=_outcomes_in(attempts),
        past=_outcomes_in(past),
        outcome=None if outcome is None else outcome_of(json.loads(outcome)),
    )


def outcome_of(facts: dict[str, Any]) -> Outcome:
    """The outcome whose `to_dict()` is `facts`. Fields of later versions are ignored."""
    known = {name: value for name, value in facts.items() if name in _OUTCOME_FIELDS}
    known["reason"] = Reason(known["reason"])
    for name in ("started_at", "ended_at"):
        known[name] = None if known[name] is None else datetime.fromisoformat(known[name])
    if known["handle"] is not None:
        known["handle"] = Handle(**known["handle"])
    if known["error"] is not None:
        known["error"] = RunError(**known["error"])
    return Outcome(**known)


def _text_of(outcomes: Sequence[Outcome]) -> str | None:
    return json.dumps([_bounded(outcome) for outcome in outcomes]) if outcomes else None


def _outcomes_in(text: str | None) -> tuple[Outcome, ...]:
    return () if text is None else tuple(map(outcome_of, json.loads(text)))


def _bounded(outcome: Outcome) -> dict[str, Any]:
    """The facts of an outcome, as in `to_dict`. A value that is too large is left out, and `value_error` says so."""
    facts: dict[str, Any] = {name: getattr(outcome, name) for name in _OUTCOME_FIELDS}
    facts["reason"] = outcome.reason.value
    for name, moment in (("started_at", outcome.started_at), ("ended_at", outcome.ended_at)):
        facts[name] = None if moment is None else moment.isoformat()
    facts["handle"] = None if outcome.handle is None else _plain(outcome.handle)
    facts["error"] = None if outcome.error is None else attrs.asdict(outcome.error)
    if outcome.value is not None and (size := len(json.dumps(outcome.value))) > MAX_VALUE:
        facts["value"] = None
        facts["value_error"] = f"The value is not in the journal: it has {size} bytes, and {MAX_VALUE} are the limit."
    return facts


def _plain(handle: Handle) -> dict[str, str]:
    return {name: getattr(handle, name) for name in _HANDLE_FIELDS}  # attrs.asdict takes ten times as long


_OUTCOME_FIELDS = tuple(field.name for field in attrs.fields(Outcome))
_HANDLE_FIELDS = tuple(field.name for field in attrs.fields(Handle))
