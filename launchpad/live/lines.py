"""Progress in plain lines on stderr, where there is no terminal."""

from __future__ import annotations

from ..core.screen import is_writable, to_stderr
from .summary import status, summary
from .tally import Counts, Failure


class LinesDisplay:
    """A line every `interval` seconds, and a summary line if there was one before. Passes on the errors of stderr."""

    interval = 10.0

    def __init__(self) -> None:
        self._is_used = False

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        self._is_used = True
        if is_writable("stderr"):  # else the next line tells more
            to_stderr([f"launchpad: {status(counts)}"])

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        if self._is_used:
            to_stderr([summary(counts)])

    def abandon(self) -> None:
        """Does nothing: there is nothing to release."""
