"""The tables at the end of a batch."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..live.text import one_line
from ..models import Outcome, Reason, Run

MAX_SHOWN_FAILURES = 10
"""Failed runs that have a row, at most."""

MAX_SHOWN_NAMES = 3
"""Runs that are named for each result, at most."""

MAX_SHOWN_LABEL = 32
"""Characters of a name in the table of failures, at most."""

UNBOUNDED_WIDTH = 10_000
"""Columns of a table outside a terminal, so that nothing is shortened."""

_SHOWN_ID = 8  # characters, which usually identify a run


class Failed(NamedTuple):
    """A run that failed; `label` is its name on the screen, `attempts` how many it had."""

    label: str
    run: Run
    outcome: Outcome
    log: Path | None
    attempts: int


def seconds_of(outcome: Outcome) -> float | None:
    """How long a run took, None if that is not known."""
    if outcome.started_at is None or outcome.ended_at is None:
        return None
    return round((outcome.ended_at - outcome.started_at).total_seconds(), 3)


def failures_table(failures: Sequence[Failed]) -> RenderableType:
    """A row for each of the first failures: what ran, how it ended, and where its output is."""
    shown = failures[:MAX_SHOWN_FAILURES]
    retried = any(failed.attempts > 1 for failed in shown)
    table = _table("failed", "id", "result", "exit", "seconds", *(["attempts"] if retried else []))
    table.add_column("what, why, and the log", overflow="fold")
    for label, run, outcome, log, attempts in shown:
        seconds = seconds_of(outcome)
        cells = [
            (run.id if outcome.handle is None else outcome.handle.run_id)[:_SHOWN_ID],
            outcome.reason.value,
            "" if outcome.exit_code is None else str(outcome.exit_code),
            "" if seconds is None else f"{seconds:.1f}",
            *([str(attempts)] if retried else []),
        ]
        table.add_row(Text(label, "bold"), *map(Text, cells), _details(run, outcome, log))
    if (more := len(failures) - MAX_SHOWN_FAILURES) <= 0:
        return table
    return Group(table, Text(f"and {more} more that failed: --failed prints all names, --json all results"))


def results_table(
    counts: Mapping[str, int], names: Mapping[str, Sequence[str]], retries: Mapping[str, int] = {}
) -> Table:
    """How many runs had each result, how often they were launched again, if any was, and some of their names."""
    table = _table("result")
    table.add_column("runs", justify="right", no_wrap=True)
    if retried := any(retries.values()):
        table.add_column("retries", justify="right", no_wrap=True)
    table.add_column("which")  # the one that is cut if the table is too wide
    for result, count in sorted(counts.items(), key=lambda one: -one[1]):
        shown = names.get(result, ())[:MAX_SHOWN_NAMES]
        text = ", ".join(shown) + (", …" if 0 < len(shown) < count else "")
        which = Text(text, overflow="ellipsis", no_wrap=True)
        numbers = [str(count), *([str(retries.get(result, 0))] if retried else [])]
        table.add_row(Text(result, "green" if result == Reason.COMPLETED.value else "red"), *numbers, which)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="ellipsis", no_wrap=True, max_width=MAX_SHOWN_LABEL)
    return table


def _details(run: Run, outcome: Outcome, log: Path | None) -> Text:
    lines: Iterable[str] = (
        shlex.join(run.command) if run.command else f"{run.entrypoint}({', '.join(run.parameters)})",
        "" if outcome.exit_code and not outcome.hint else f"{outcome.message} {outcome.hint}",
        str(log or ""),
    )
    return Text("\n".join(filter(None, map(one_line, lines))))


def console() -> Console:
    """The console for tables on stderr."""
    screen = Console(stderr=True, highlight=False)
    return screen if screen.is_terminal else Console(stderr=True, highlight=False, width=UNBOUNDED_WIDTH)
