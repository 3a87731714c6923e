"""`launchpad journal`: what the journal of a batch has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
import click

from ..core.screen import to_screen
from ..journal.entry import Entry, State
from ..journal.store import read_entries
from ..text import one_line

HEADINGS = ("name", "state", "attempts", "result", "exit", "seconds", "ended")


@click.command(short_help="Show what the journal of a batch has.")
@click.argument("path", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an object for each item.")
@click.option("--failed", is_flag=True, help="Print the names of the items that have failed, one a line.")
def journal(path: str, as_json: bool, failed: bool) -> int:
    """Show the items of the journal at PATH, which a batch may be using: a table, and a line with counts.

    An item is intended before its run is created, started when the run has a handle, paused between two attempts, and
    ended after the last.
    """
    if as_json and failed:
        raise click.UsageError("--json and --failed both need stdout: use one of them")
    entries = list(read_entries(path))
    if as_json:
        to_screen("stdout", _in_json(entries))
    elif failed:
        to_screen("stdout", [one_line(entry.name) for entry in entries if _has_failed(entry)])
    else:
        to_screen("stdout", [*_table(list(map(_row, entries))), _counts(entries)])
    return 0


def _has_failed(entry: Entry) -> bool:
    return entry.outcome is not None and not entry.outcome.ok


def _facts(entry: Entry) -> dict[str, Any]:
    outcomes = [outcome.to_dict() for outcome in entry.outcomes]
    return {
        "name": entry.name,
        "run_id": entry.run_id,
        "state": entry.state.value,
        "handle": None if entry.handle is None else attrs.asdict(entry.handle),
        "outcome": outcomes[-1] if entry.outcome is not None else None,
        "attempts": outcomes,
    }


def _in_json(entries: Sequence[Entry]) -> list[str]:
    """A JSON list, with a line for each item."""
    lines = [json.dumps(_facts(entry)) for entry in entries]
    return ["[", *(f"{line}," for line in lines[:-1]), *lines[-1:], "]"]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table with a header. Not made by rich, which takes a minute for 100,000 rows."""
    rows = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _counts(entries: Sequence[Entry]) -> str:
    ended = [entry for entry in entries if entry.state is State.ENDED]
    failed = sum(map(_has_failed, ended))
    open_ = len(entries) - len(ended)
    return f"{len(entries)} items: {len(ended) - failed} succeeded, {failed} failed, {open_} not ended"


def _row(entry: Entry) -> tuple[str, ...]:
    outcome, count = entry.outcome, len(entry.outcomes)
    if outcome is None:
        begun = count + (entry.state is not State.PAUSED)
        return (one_line(entry.name), entry.state.value, str(begun), "", "", "", "")
    code = "" if outcome.exit_code is None else str(outcome.exit_code)
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
    ended = _local(outcome.ended_at)
    return (one_line(entry.name), entry.state.value, str(count), str(outcome.reason), code, seconds, ended)


def _local(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
