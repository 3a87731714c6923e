"""Cuts the output of runs into lines, and passes them to the screen or to the caller.

Only "\\n" and "\\r\\n" end a line. But if a program redraws its line with "\\r", as progress bars do, the last complete
state of the line is passed on as a line, at most once a second. Bytes are decoded incrementally as UTF-8, with U+FFFD
for invalid ones. A sink that raises does not change the result of the run: the logger `launchpad` warns once.
"""

from __future__ import annotations

import abc
import codecs
import logging
import time
from collections.abc import Callable

from ..models import Run
from .backend import Chunk, StreamName
from .delivery import Delivery, DeliveryAbandoned, current
from .tail import Tail

MAX_LINE = 16 * 1024 * 1024
"""A longer line, in characters, is passed on in pieces of this size."""

STATE_DELAY = 0.1
"""Seconds that a state of a redrawn line waits for the line's end: most "\\r" are a part of "\\r\\n", or of a line."""

STATE_INTERVAL = 1.0
"""Seconds between two states of a redrawn line."""

OnOutput = Callable[[Run, str], None]
Sink = Callable[[StreamName, list[str]], None]
"""Takes whole lines of one stream of one run, in order; calls for one run do not overlap."""

_logger = logging.getLogger("launchpad")


class Lines:
    """Cuts one stream of bytes into lines. Not thread-safe."""

    has_state = False
    """Whether the incomplete line holds a complete state: text before a "\\r"."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._max_line = max_line
        self._partial: list[str] = []
        self._held = 0
        self._redrawn = False  # states of the incomplete line were taken

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their newlines."""
        return self._add(self._decoder.decode(data))

    def finish(self) -> list[str]:
        """The last line, when the stream has ended, if it has no newline."""
        lines = self._add(self._decoder.decode(b"", final=True))
        rest = "".join(self._partial)
        self._partial, self._held, self.has_state = [], 0, False
        return lines + self._pieces(rest) if rest else lines

    def take_state(self) -> list[str]:
        """The last complete state of the incomplete line, which goes on after it. Empty if there is none."""
        states, found, rest = "".join(self._partial).rpartition("\r")
        if not found:
            return []
        self._partial, self._held, self._redrawn, self.has_state = [rest], len(rest), True, False
        state = states.rstrip("\r").rpartition("\r")[2]
        return [state] if state else []

    def _add(self, text: str) -> list[str]:
        lines = text.split("\n")
        overlong = self._held + len(text) > self._max_line
        self._partial.append(lines[0])
        if len(lines) == 1:
            self._held += len(text)
            self.has_state = self.has_state or "\r" in text
            return self._cut_partial() if overlong else []
        lines[0] = "".join(self._partial)
        self._partial = [lines.pop()]
        self._held = len(self._partial[0])
        self.has_state = "\r" in self._partial[0]
        if "\r" in text or lines[0].endswith("\r"):
            lines = [line.removesuffix("\r") for line in lines]
        if self._redrawn:
            self._redrawn = False
            lines[:1] = [state for state in lines[0].split("\r")[-2:] if state]
        if overlong:
            lines = [piece for line in lines for piece in self._pieces(line)] + self._cut_partial()
        return lines

    def _cut_partial(self) -> list[str]:
        partial = "".join(self._partial)
        line = partial.removesuffix("\r")  # it may be the first half of "\r\n"
        *whole, last = self._pieces(line)
        last += partial[len(line) :]
        self._partial, self._held = [last], len(last)
        return whole

    def _pieces(self, line: str) -> list[str]:
        return [line[at : at + self._max_line] for at in range(0, len(line), self._max_line)] or [line]


class Output:
    """Passes the output of one run to a sink, in whole lines. Used by the thread that polls the unit."""

    def __init__(self, run: Run, delivery: Delivery | None = None) -> None:
        self._run = run
        self._delivery = delivery or Delivery()
        self._lines: dict[StreamName, Lines] = {}  # of the streams that were written to
        self._warned = False
        self._due: dict[StreamName, float] = {}  # when the state of a redrawn line is passed on, in monotonic seconds
        self._next_state: dict[StreamName, float] = {}  # before which the next state is not
        self.sink: Sink = discard
        self.tail = Tail()

    @property
    def due(self) -> float | None:
        """When `pass_on_states` is to be called; None while no line is being redrawn."""
        return min(self._due.values()) if self._due else None

    def write(self, chunk: Chunk) -> None:
        lines = self._lines.get(chunk.stream) or self._lines.setdefault(chunk.stream, Lines())
        whole = lines.feed(chunk.data)
        self._emit(chunk.stream, whole)
        if whole or not lines.has_state:
            self._due.pop(chunk.stream, None)
        if lines.has_state and chunk.stream not in self._due:
            now = time.monotonic()  # after the sink, which may be slow
            self._due[chunk.stream] = max(now + STATE_DELAY, self._next_state.get(chunk.stream, now))

    def pass_on_states(self, now: float) -> None:
        """Passes on the states of redrawn lines that are due."""
        for stream in [stream for stream, due in self._due.items() if now >= due]:
            del self._due[stream]
            state = self._lines[stream].take_state()
            if state:
                self._next_state[stream] = now + STATE_INTERVAL
            self._emit(stream, state)

    def finish(self) -> None:
        for stream, lines in self._lines.items():
            if stream in self._due:
                self._emit(stream, lines.take_state())
            self._emit(stream, lines.finish())

    def _emit(self, stream: StreamName, lines: list[str]) -> None:
        if not lines or self._delivery.abandoned:
            return
        self._delivery.steps += 1
        self.tail.add(lines)
        try:
            self.sink(stream, lines)
        except DeliveryAbandoned:
            pass
        except Exception as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _logger.warning(
                "Output of run %r cannot be passed on in full: %s: %s", self._run.name, type(error).__name__, error
            )


def discard(stream: StreamName, lines: list[str]) -> None:
    """A sink that drops the output."""


class StreamCallback(abc.ABC):
    """An `on_output` that gets the lines of a run together, with the name of their stream."""

    @abc.abstractmethod
    def write(self, stream: StreamName, lines: list[str]) -> None:
        """Takes lines, as a Sink does."""

    def __call__(self, run: Run, line: str) -> None:
        self.write("stdout", [line])


def to_caller(run: Run, on_output: OnOutput) -> Sink:
    """A sink that calls `on_output(run, line)` for every line, also after it has raised; then the error is raised."""

    def sink(stream: StreamName, lines: list[str]) -> None:
        failed: Exception | None = None
        current.delivery.lines = left = iter(lines)  # so that the stopper sees whether `on_output` blocks, at no cost
        for line in left:
            try:
                on_output(run, line)
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed

    return sink
