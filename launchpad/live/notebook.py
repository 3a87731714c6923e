"""A bar in the output of a notebook's cell."""

from __future__ import annotations

from typing import Any

from .tally import Counts, Failure
from .view import as_html, as_text


class NotebookDisplay:
    """One bar, updated in its cell while other cells are executed. Passes on the errors of IPython."""

    interval = 0.25

    def __init__(self) -> None:
        from IPython.display import display

        show: Any = display
        self._handle = show({"text/plain": "", "text/html": ""}, raw=True, display_id=True)  # reserves the place

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        self._handle.update(_bundle(counts, over=False), raw=True)

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        """Shows what the notebook keeps: the summary and the failures."""
        self._handle.update(_bundle(counts, over=True), raw=True)

    def abandon(self) -> None:
        """Leaves the display as it is."""


def _bundle(counts: Counts, *, over: bool) -> dict[str, str]:
    return {"text/plain": as_text(counts, over=over), "text/html": as_html(counts, over=over)}
