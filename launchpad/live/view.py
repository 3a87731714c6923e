"""Renders counts as text for a terminal and as HTML for a notebook. The only module of `live` that imports rich."""

from __future__ import annotations

import io
from collections.abc import Iterable
from math import ceil
from typing import TextIO

from rich.console import Console, RenderableType
from rich.progress_bar import ProgressBar
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from .summary import pending, rate, retries, summary_parts
from .tally import Counts, Failure
from .text import duration, one_line

SHORTEST_BAR = 5
LONGEST_BAR = 60
NOTEBOOK_WIDTH = 84

_THEME = TerminalTheme(  # readable on white and on black: the notebook's theme is unknown
    (0, 0, 0),
    (255, 255, 255),
    [(0, 0, 0), (211, 47, 47), (56, 142, 60), (176, 128, 0), (30, 118, 210), (156, 60, 176), (0, 139, 150), (128,) * 3],
    [(160, 160, 160)] * 8,
)
_PAGE = '<pre style="font-size: var(--jp-code-font-size, inherit); white-space: pre-wrap; margin: 0">{code}</pre>'


class TerminalView:
    """Renders for the terminal behind `screen`: for its width, colours (NO_COLOR) and encoding."""

    def __init__(self, screen: TextIO) -> None:
        self._console = Console(file=screen, highlight=False, soft_wrap=True, force_jupyter=False)

    def bar(self, counts: Counts, pulls: str = "") -> str:
        """One line without a newline, as wide as the terminal is now at most. `pulls` is one of its facts."""
        return self._rendered(*_bar(counts, self._console.width - 1, pulls))

    def summary(self, counts: Counts) -> str:
        """The final line."""
        return self._rendered(_summary(counts), end="\n")

    def failures(self, failures: Iterable[Failure]) -> str:
        """A line for each failure."""
        return "".join(self._rendered(_failure(failure), end="\n") for failure in failures)

    def _rendered(self, *parts: RenderableType, end: str = "") -> str:
        with self._console.capture() as captured:
            self._console.print(*parts, end=end)
        return captured.get()


def as_html(counts: Counts, *, over: bool) -> str:
    """The bar (the summary if `over`) and the failures so far, as HTML."""
    console = _page_console(record=True)
    _print_page(console, counts, over)
    return console.export_html(theme=_THEME, inline_styles=True, code_format=_PAGE)


def as_text(counts: Counts, *, over: bool) -> str:
    """The same as plain text, for front ends without HTML."""
    console = _page_console()
    with console.capture() as captured:
        _print_page(console, counts, over)
    return captured.get()


def _page_console(record: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        record=record,
        width=NOTEBOOK_WIDTH,
        highlight=False,
        soft_wrap=True,
        force_jupyter=False,
        force_terminal=record,
        color_system="standard" if record else None,
        legacy_windows=False,
    )


def _print_page(console: Console, counts: Counts, over: bool) -> None:
    console.print(*([_summary(counts)] if over else _bar(counts, NOTEBOOK_WIDTH)))
    for reason, waits in () if over else counts.pending.items():
        console.print(Text(f"{waits.runs} {one_line(reason)}: {one_line(waits.message)}", "yellow"))
    for failure in counts.failures:
        console.print(_failure(failure))
    if counts.failed > len(counts.failures):
        console.print(f"and {counts.failed - len(counts.failures)} more that failed")


def _bar(counts: Counts, width: int, pulls: str = "") -> list[RenderableType]:
    """The bar, with as many facts as fit into `width` columns."""
    facts = _facts(counts, pulls)
    while len(facts) > 1 and _length(facts) + 1 + SHORTEST_BAR > width:
        facts.remove(max(facts, key=lambda fact: fact[0]))
    text = Text("  ", no_wrap=True, overflow="crop", end="").join(fact for _, fact in facts)
    room = min(width - _length(facts) - 1, LONGEST_BAR)
    if room < SHORTEST_BAR:
        text.truncate(max(0, width))
        return [text]
    style = "red" if counts.failed else "green"
    bar = ProgressBar(
        counts.total, counts.ended, room, style="bright_black", complete_style=style, finished_style=style
    )
    return [bar, Text(" ") + text]


def _facts(counts: Counts, pulls: str) -> list[tuple[int, Text]]:
    """The facts beside the bar. If not all fit, those with the highest number are left out first."""
    left = counts.seconds_left
    active = counts.running - sum(waits.runs for waits in counts.pending.values())
    facts = [
        (0, counts.note, "yellow"),
        (0, f"{counts.ended}/{counts.total}", ""),
        (1, f"{counts.failed} failed" if counts.failed else "", "red"),
        (5, f"{counts.cancelled} cancelled" if counts.cancelled else "", "yellow"),
        (3, f"{active} running" if active else "", "cyan"),
        (2, pending(counts), "yellow"),
        (5, retries(counts), "yellow"),
        (6, f"{counts.queued} queued" if counts.queued else "", ""),
        (4, rate(counts), ""),
        (2, f"{duration(ceil(left))} left" if left else duration(counts.seconds), ""),
        (2, pulls, ""),
    ]
    return [(place, Text(words, style)) for place, words, style in facts if words]


def _length(facts: list[tuple[int, Text]]) -> int:
    return sum(fact.cell_len + 2 for _, fact in facts) - 2


def _summary(counts: Counts) -> Text:
    return Text.assemble(*summary_parts(counts))


def _failure(failure: Failure) -> Text:
    return Text.assemble((failure.name, "bold"), ": ", (failure.why, "red"))
