"""Shows the progress of a pull: in a progress bar if there is one, else as a line that is rewritten on a terminal.

Elsewhere, it is a line at the start of the pull and one at its end.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from ..core.screen import StreamProxy

REDRAW_INTERVAL = 0.2
"""Seconds between two versions of the line."""

BAR_WIDTH = 20


class Progress:
    """Shows the progress of a pull on `screen`, unless that is None or the image is up to date."""

    def __init__(self, image: str, screen: TextIO | None, interval: float = REDRAW_INTERVAL) -> None:
        self._image = image
        self._screen = screen
        self._interval = interval
        self._terminal = screen is not None and screen.isatty()
        self._layers: dict[str, tuple[int, int]] = {}
        self._started = False
        self._shown_at = 0.0
        self._width = 0  # of the line that is rewritten; 0 if there is none

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started and not self._noted(""):
            self._write(f"Pulled {self._image}" if error is None else f"Pulling {self._image} failed", last=True)

    def show(self, line: Mapping[str, Any]) -> None:
        """Updates the progress by a line of the pull's stream."""
        detail = line.get("progressDetail") or {}
        if line.get("status") == "Downloading" and detail.get("total"):
            self._layers[line.get("id", "")] = (detail.get("current", 0), detail["total"])
        elif line.get("status") in ("Download complete", "Pull complete") and line.get("id") in self._layers:
            total = self._layers[line["id"]][1]
            self._layers[line["id"]] = (total, total)
        elif line.get("status") != "Pulling fs layer":
            return
        first, self._started = not self._started, True
        if first or time.monotonic() >= self._shown_at + self._interval:
            self._show(first)

    def _show(self, first: bool) -> None:
        current, total = (sum(amounts) / 1e6 for amounts in zip((0, 0), *self._layers.values(), strict=True))
        amounts = f"{current:.1f} of {total:.1f} MB" if total else ""
        if self._noted(f"pulling {self._image} {amounts}".rstrip()):
            self._shown_at = time.monotonic()
        elif self._terminal:
            done = int(BAR_WIDTH * min(1.0, current / total)) if total else 0
            self._write(f"Pulling {self._image} [{'=' * done:{BAR_WIDTH}}] {amounts}".rstrip())
        elif first:
            self._write(f"Pulling {self._image} ...")

    def _noted(self, text: str) -> bool:
        """Puts `text` into the progress bar on the screen; False if there is none. It may have come meanwhile."""
        proxy = sys.stderr
        return isinstance(proxy, StreamProxy) and proxy.note(self._screen, self, text)

    def _write(self, text: str, *, last: bool = False) -> None:
        if self._screen is None:
            return
        self._shown_at = time.monotonic()
        if self._terminal:  # a line that is wider would be wrapped, and could not be rewritten
            text = text if last else text[: max(1, shutil.get_terminal_size().columns - 1)]
            text, self._width = text.ljust(self._width), len(text)
        try:
            # The cursor returns to the start of the line, so that a bar that comes overwrites it.
            self._screen.write(text + ("\n" if last or not self._terminal else "\r"))
            self._screen.flush()
        except (OSError, ValueError):  # a closed screen must not fail the run
            self._screen = None
