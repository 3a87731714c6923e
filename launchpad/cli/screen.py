"""The progress of a batch: a bar if stderr is a terminal, else a line every few seconds.

The displays here do not show failures: the report prints each with more detail.
"""

from __future__ import annotations

import sys

from ..core.screen import is_terminal, to_stderr
from ..live import lines
from ..live.bar import Bar
from ..live.summary import summary
from ..live.tally import Counts, Failure
from ..live.terminal import TerminalDisplay


class BarDisplay(TerminalDisplay):
    """A bar at the bottom of the terminal, replaced by a summary line at the end."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        super().show(counts, [])

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        super().close(counts, [])


class LinesDisplay(lines.LinesDisplay):
    """A line every ten seconds, and a summary line in any case."""

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        to_stderr([summary(counts)])


def bar_over(total: int) -> Bar:
    """A started bar for the futures of `total` runs."""
    bar = Bar(BarDisplay if is_terminal(sys.stderr) else LinesDisplay, expected=total)
    bar.start()
    return bar
