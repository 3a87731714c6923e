"""Shows the progress of a pull: a line that is rewritten on a terminal, elsewhere a line at its start and its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

REDRAW_INTERVAL = 0.2
"""Seconds between two versions of the line."""


class Progress:
    """Shows the progress of a pull on `screen`, unless that is None or the image is up to date."""

    def __init__(self, image: str, screen: TextIO | None) -> None:
        self._image = image
        self._screen = screen
        self._terminal = screen is not None and screen.isatty()
        self._layers: dict[str, tuple[int, int]] = {}
        self._started = False
        self._shown_at = 0.0
        self._width = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
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
        if not self._started:
            self._started = True
            self._write(f"Pulling {self._image} ...")
        elif self._terminal and time.monotonic() >= self._shown_at + REDRAW_INTERVAL:
            self._write(f"Pulling {self._image} ... {self._amounts()}")

    def _amounts(self) -> str:
        current, total = (
            (sum(amounts) / 1e6 for amounts in zip(*self._layers.values(), strict=True)) if self._layers else (0, 0)
        )
        return f"{current:.1f} of {total:.1f} MB"

    def _write(self, text: str, *, last: bool = False) -> None:
        if self._screen is None:
            return
        self._shown_at = time.monotonic()
        padded = text.ljust(self._width) if self._terminal else text
        self._width = len(text)
        end = "\n" if last or not self._terminal else ""
        try:
            self._screen.write(("\r" if self._terminal else "") + padded + end)
            self._screen.flush()
        except (OSError, ValueError):  # a closed screen must not fail the run
            self._screen = None
