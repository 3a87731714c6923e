"""The last lines of a run's output, kept for its outcome at a bounded price."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..text import escaped

MAX_LINES = 20
"""Lines of a tail, at most."""

MAX_SIZE = 8 * 1024
"""Bytes of a tail, at most, encoded in UTF-8 and with an end of line for each line."""

CUT = "…"
"""The beginning of a line whose own beginning is missing."""


class Tail:
    """The last lines of one run. One thread adds lines; any thread may read them."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_LINES)

    def add(self, lines: Sequence[str]) -> None:
        if len(lines) == 1 and len(lines[0]) <= MAX_SIZE:  # the usual case: a program that writes now and then
            self._lines.append(lines[0])
            return
        last = lines[-MAX_LINES:]
        if len(max(last, key=len)) > MAX_SIZE:
            last = [line[-MAX_SIZE - 1 :] for line in last]
        self._lines.extend(last)

    def lines(self) -> tuple[str, ...]:
        """The last lines as a terminal shows them: the last state of a redrawn line, without control characters."""
        kept: list[str] = []
        left = MAX_SIZE
        for line in reversed(list(self._lines)):
            encoded = _shown(line).encode()
            if len(encoded) >= left:
                if not kept:
                    kept.append(CUT + encoded[-(MAX_SIZE - len(CUT.encode()) - 1) :].decode(errors="ignore"))
                break
            kept.append(encoded.decode())
            left -= len(encoded) + 1
        return tuple(reversed(kept))


def _shown(line: str) -> str:
    return escaped(line.rstrip("\r").rpartition("\r")[2].expandtabs())
