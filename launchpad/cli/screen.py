"""The progress of a batch: a bar if stderr is a terminal, else a line every few seconds.

The displays here do not show failures: the report prints each with more detail.
"""

from __future__ import annotations

import sys

from ..live.bar import Bar, display_here
from ..live.tally import Counts, Failure
from ..live.terminal import TerminalDisplay
from ..live.view import as_text
from .messages import print_message


class BarDisplay(TerminalDisplay):
    """A bar at the bottom of the terminal, replaced by a summary line at the end."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        super().show(counts, [])

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        super().close(counts, [])


class LinesDisplay:
    """A line every `interval` seconds, and a summary line."""

    interval = 10.0

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        rate = "" if counts.rate is None else f", {counts.rate:.1f}/s"
        print_message(f"{counts.ended} of {counts.total} runs have ended, {counts.failed} failed{rate}")

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        summary, *_failures = as_text(counts, over=True).splitlines()
        sys.stderr.write(f"{summary}\n")

    def abandon(self) -> None:
        """Does nothing: there is nothing to release."""


def bar_over(total: int) -> Bar:
    """A started bar for the futures of `total` runs."""
    bar = Bar(BarDisplay if display_here() else LinesDisplay, expected=total)
    bar.start()
    return bar
