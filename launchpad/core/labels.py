"""Names runs for people: with a number if several runs have one name, and before printed lines in a colour a run."""

from __future__ import annotations

import itertools
import threading
from weakref import WeakValueDictionary

from .backend import StreamName
from .output import StreamCallback
from .screen import has_colors, to_screen

COLORS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""The colours of names, as terminals number them. Red is for failures."""


def prefixed(stream: StreamName, lines: list[str], name: str, color: int) -> list[str]:
    """`lines` with a name before each, in colour if `stream` is a terminal now."""
    prefix = f"\x1b[0;{color}m{name} |\x1b[0m " if has_colors(stream) else f"{name} | "
    lines = [prefix + line for line in lines]
    if any("\r" in line for line in lines):  # the terminal returns to the start of the line, over the prefix
        return [line.replace("\r", "\r" + prefix) for line in lines]
    return lines


class _Name:
    """A name, and how many runs of an executor were given it. Freed with the last of their labels."""

    __slots__ = ("__weakref__", "count", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0


class Label(StreamCallback):
    """The name of a run among the runs of its executor. As an `on_output`, it prints lines after the name.

    `str(label)` has a number from the moment on that a second run has the name.
    """

    def __init__(self, name: _Name, number: int, color: int) -> None:
        self._name = name
        self._number = number
        self._color = color

    def __str__(self) -> str:
        return self._name.text if self._name.count == 1 else f"{self._name.text}#{self._number}"

    def write(self, stream: StreamName, lines: list[str]) -> None:
        to_screen(stream, prefixed(stream, lines, str(self), self._color))


class Labels:
    """Gives the runs of one executor their labels. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._names: WeakValueDictionary[str, _Name] = WeakValueDictionary()
        self._colors = itertools.cycle(COLORS)

    def of(self, name: str) -> Label:
        """The label of one more run with this name."""
        with self._lock:
            shared = self._names.get(name)
            if shared is None:
                shared = self._names[name] = _Name(name)
            shared.count += 1
            return Label(shared, shared.count, next(self._colors))
