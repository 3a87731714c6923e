"""`launchpad.table`: futures as a table, as plain text, for a terminal (rich) and for a notebook (HTML)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from ..models import Outcome
from ..text import escaped
from .text import name_of, why, why_not

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

MAX_ROWS = 1000
"""Futures that have a row, at most."""

MAX_FAILURES = 10
"""Failed runs whose last lines are shown, at most."""

LONGEST_NAME = 40
"""Characters of a name, at most."""

HEADINGS = ("name", "state", "reason", "code", "seconds", "attempts")
_NUMBERS = HEADINGS.index("code")
"""The first column of numbers, which are aligned to the right."""

_COLORS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "running": "cyan"}
_HTML_COLORS = {"succeeded": "#388e3c", "failed": "#d32f2f", "cancelled": "#b08000", "running": "#008b96"}
_SCROLLED = "max-height: 30em; overflow: auto; display: inline-block"
_PRE = "margin: 0 0 0.7em 1em; white-space: pre-wrap; overflow-wrap: anywhere"


class Row(NamedTuple):
    """A future at one moment: its cells, in the order of HEADINGS."""

    name: str
    state: str
    reason: str = ""
    code: str = ""
    seconds: str = ""
    attempts: str = ""


class Failed(NamedTuple):
    """A future that failed: its name, why, and the last lines of its output."""

    name: str
    why: str
    tail: Sequence[str]


def table(futures: Iterable[Future[Any]]) -> FutureTable:
    """A table of `futures`, running or done: a row for each, and below it the last lines of those that failed.

    It shows the state at the moment when it is displayed: as HTML at the end of a cell of a notebook, in colours by
    `rich.print`, or as plain text by `print`.
    """
    return FutureTable(futures)


class FutureTable:
    """The result of `table`."""

    def __init__(self, futures: Iterable[Future[Any]]) -> None:
        if isinstance(futures, Future | Outcome) or not isinstance(futures, Iterable):
            raise TypeError(f"table takes a list of futures, not {type(futures).__name__}")
        self._futures = list(futures)
        for future in self._futures:
            if not isinstance(future, Future):
                raise TypeError(f"table takes futures, not {type(future).__name__}")

    def __len__(self) -> int:
        return len(self._futures)

    def __str__(self) -> str:
        rows, failed, notes = self._shown()
        texts: list[Row] = [Row(*HEADINGS), *rows]
        widths = [max(map(_width, column)) for column in zip(*texts, strict=True)]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in texts]
        for name, reason, tail in failed:
            lines += ["", f"{name}: {reason}", *(f"    {line}".rstrip() for line in tail)]
        return "\n".join([*lines, *(["", *notes] if notes else [])])

    def __repr__(self) -> str:
        return str(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table  # like `Text`, only where rich is in use
        from rich.text import Text

        rows, failed, notes = self._shown()
        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for position, heading in enumerate(HEADINGS):
            numbers = position >= _NUMBERS
            shown.add_column(heading, justify="right" if numbers else "left", no_wrap=True, overflow="ellipsis")
        for row in rows:
            style = _COLORS.get(row.state, "")
            shown.add_row(Text(row.name, "bold"), *(Text(cell, style) for cell in row[1:3]), *map(Text, row[3:]))
        yield shown
        for name, reason, tail in failed:
            yield Text()
            yield Text.assemble((name, "bold"), ": ", (reason, "red"))
            yield from (Text(f"    {line}", "dim") for line in tail)
        yield from map(Text, ["", *notes] if notes else [])

    def _repr_html_(self) -> str:
        from html import escape  # takes 10 ms to import

        rows, failed, notes = self._shown()
        head = "".join(_cell("th", position, escape(heading)) for position, heading in enumerate(HEADINGS))
        body = "".join(f"<tr>{''.join(_html_cells(Row(*map(escape, row))))}</tr>" for row in rows)
        parts = [f'<div style="{_SCROLLED}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>']
        for name, reason, tail in failed:
            color = _HTML_COLORS["failed"]
            parts.append(
                f'<div><strong><bdi>{escape(name)}</bdi></strong>: <span style="color: {color}">{escape(reason)}</span>'
            )
            parts.append(f'<pre style="{_PRE}">{escape(chr(10).join(tail))}</pre></div>' if tail else "</div>")
        parts += [f"<div>{escape(note)}</div>" for note in notes]
        return f"<div>{''.join(parts)}</div>"

    def _shown(self) -> tuple[list[Row], list[Failed], list[str]]:
        """The rows, the first failures, and what is left out, now."""
        rows = [_row(future) for future in self._futures[:MAX_ROWS]]
        failures = [future for future in self._futures if _state(future) == "failed"]
        notes = []
        if (more := len(failures) - MAX_FAILURES) > 0:
            notes.append(f"and {more} more that failed")
        if (more := len(self._futures) - MAX_ROWS) > 0:
            notes.append(f"and {more} more futures without a row")
        return rows, [_failed(future) for future in failures[:MAX_FAILURES]], notes


def _state(future: Future[Any]) -> str:
    if not future.done():
        return "running" if future.running() else "queued"
    if future.cancelled():
        return "cancelled"
    outcome = getattr(future, "outcome", None)
    if isinstance(outcome, Outcome):
        return "succeeded" if outcome.ok else "failed"
    return "succeeded" if future.exception() is None else "failed"


def _name(future: Future[Any]) -> str:
    name = name_of(future)
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"


def _row(future: Future[Any]) -> Row:
    name, state = _name(future), _state(future)
    attempts = len(getattr(future, "attempts", ())) + (state == "running" and hasattr(future, "attempts"))
    outcome = getattr(future, "outcome", None) if future.done() else None
    shown = Row(name, state, attempts=str(attempts or ""))
    if not isinstance(outcome, Outcome):
        return shown
    return shown._replace(
        reason=str(outcome.reason),
        code="" if outcome.exit_code is None else str(outcome.exit_code),
        seconds="" if outcome.seconds is None else f"{outcome.seconds:.1f}",
    )


def _failed(future: Future[Any]) -> Failed:
    outcome = getattr(future, "outcome", None)
    if not isinstance(outcome, Outcome):
        raised = future.exception()
        return Failed(_name(future), "" if raised is None else why_not(raised), [])
    error = outcome.error  # of a function, whose output was perhaps not followed
    tail = outcome.tail or ([] if error is None else [f"{error.type}: {error.message}"])
    return Failed(_name(future), why(outcome), [escaped(line.expandtabs()) for line in tail])


def _width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _aligned(row: Row, widths: Sequence[int]) -> Iterator[str]:
    for position, (cell, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - _width(cell))
        yield space + cell if position >= _NUMBERS else cell + space


def _html_cells(row: Row) -> Iterator[str]:
    """The cells of a row, whose texts are escaped."""
    for position, text in enumerate(row):
        color = _HTML_COLORS.get(row.state, "") if 0 < position < _NUMBERS else ""
        # <bdi>: a name that is written from right to left does not change the order of the text beside it.
        yield _cell("td", position, f"<bdi>{text}</bdi>", f"; color: {color}" if color else "")


def _cell(tag: str, position: int, content: str, style: str = "") -> str:
    side = "right" if position >= _NUMBERS else "left"
    return f'<{tag} style="text-align: {side}{style}">{content}</{tag}>'
