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
        None if entry.handle is None else _json_of(entry.handle),
        _text_of(entry.attempts),
        _text_of(entry.past),
        None if entry.outcome is None else _json_of(_facts(entry.outcome)),
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
    """The outcome with these facts. Fields of later versions are ignored."""
    known = {name: value for name, value in facts.items() if name in _OUTCOME_FIELDS}
    known["reason"] = Reason(known["reason"])
    for name, type_ in (("handle", Handle), ("error", RunError)):
        if name in known:
            known[name] = type_(**known[name])
    for name in ("started_at", "ended_at"):
        if name in known:
            known[name] = datetime.fromisoformat(known[name])
    return Outcome(**known)


def _text_of(outcomes: Sequence[Outcome]) -> str | None:
    return _json_of([_facts(outcome) for outcome in outcomes]) if outcomes else None


def _outcomes_in(text: str | None) -> tuple[Outcome, ...]:
    return () if text is None else tuple(map(outcome_of, json.loads(text)))


def _facts(outcome: Outcome) -> dict[str, Any]:
    """The fields of an outcome that are not the default. A value that is too large is left out, with the reason."""
    fields = _OUTCOME_FIELDS.items()
    facts = {name: value for name, default in fields if (value := getattr(outcome, name)) != default}
    if outcome.value is not None and (size := len(json.dumps(outcome.value))) > MAX_VALUE:
        del facts["value"]
        facts["value_error"] = f"The value is not in the journal: it has {size} bytes, and {MAX_VALUE} are the limit."
    return facts


def _plain(value: Handle | RunError | datetime) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {name: getattr(value, name) for name in _FIELDS[type(value)]}  # attrs.asdict takes ten times as long


_json_of = json.JSONEncoder(default=_plain).encode
_OUTCOME_FIELDS = {field.name: field.default for field in attrs.fields(Outcome)}
_FIELDS = {type_: [field.name for field in attrs.fields(type_)] for type_ in (Handle, RunError)}
