"""How a batch is seen while it goes on: a bar where stderr is a terminal, a line now and then where it is not.

Of each failure the report tells, with more words, so that the displays here do not.
"""

from __future__ import annotations

import sys

from ..live.bar import Bar, display_here
from ..live.tally import Counts, Failure
from ..live.terminal import TerminalDisplay
from ..live.view import as_text
from .messages import tell


class BarDisplay(TerminalDisplay):
    """A bar at the foot of the terminal, and in its place at the end a line that sums up."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        super().show(counts, [])

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        super().close(counts, [])


class LinesDisplay:
    """A line every `period` seconds, and the line that sums up."""

    period = 10.0

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        rate = "" if counts.rate is None else f", {counts.rate:.1f}/s"
        tell(f"{counts.ended} of {counts.total} runs have ended, {counts.failed} failed{rate}")

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        summary, *_failures = as_text(counts, over=True).splitlines()
        sys.stderr.write(f"{summary}\n")

    def abandon(self) -> None:
        """There is nothing to let go of."""


def bar_over(total: int) -> Bar:
    """What shows the futures of `total` runs."""
    bar = Bar(BarDisplay if display_here() else LinesDisplay, expected=total)
    bar.begin()
    return bar
