"""Shows the output of runs on standard output and standard error, and remembers whether some of it was lost."""

from __future__ import annotations

import itertools

from ..core.backend import StreamName
from ..core.labels import COLORS, prefixed
from ..core.output import StreamCallback
from ..core.screen import to_screen
from .messages import print_message


class ShownOutput:
    """The output of all runs of one command, each line after the label of its run. Any thread."""

    def __init__(self, only: StreamName | None = None) -> None:
        self.lost = False
        """Whether output could not be written: the disk is full, or the stream is closed."""
        self._only = only  # the stream for all output, if there is one
        self._colors = itertools.cycle(COLORS)

    def of(self, label: str = "") -> StreamCallback:
        """The callback for the output of one run."""
        return _Labelled(self, label, next(self._colors))

    def show(self, stream: StreamName, lines: list[str], label: str, color: int) -> None:
        stream = self._only or stream
        try:
            to_screen(stream, prefixed(stream, lines, label, color) if label else lines)
        except UnicodeError:
            pass  # the characters were escaped
        except (OSError, ValueError) as error:
            known, self.lost = self.lost, True
            if not (known or isinstance(error, BrokenPipeError)):  # with that one, SIGPIPE stops the command
                reason = getattr(error, "strerror", None) or error
                print_message(f"the output of runs cannot be written to {stream}: {reason}")


class _Labelled(StreamCallback):
    def __init__(self, shown: ShownOutput, label: str, color: int) -> None:
        self._shown = shown
        self._label = label
        self._color = color

    def write(self, stream: StreamName, lines: list[str]) -> None:
        self._shown.show(stream, lines, self._label, self._color)
