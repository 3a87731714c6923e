"""Cuts the output of runs into lines, and passes them to the screen or to the caller.

Only "\\n" and "\\r\\n" end a line. Bytes are decoded incrementally as UTF-8, with U+FFFD for invalid ones. A sink that
raises does not change the result of the run: the logger `launchpad` warns once.
"""

from __future__ import annotations

import abc
import codecs
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import TextIO

from ..models import Run
from .backend import Chunk, StreamName

MAX_LINE = 16 * 1024 * 1024
"""A longer line, in characters, is passed on in pieces of this size."""

OnOutput = Callable[[Run, str], None]
Sink = Callable[[StreamName, list[str]], None]
"""Takes whole lines of one stream of one run, in order; calls for one run do not overlap."""

_logger = logging.getLogger("launchpad")

_screen_locks: dict[int, threading.RLock] = {}  # by process id: a forked child cannot wait for threads of its parent


def screen_lock() -> threading.RLock:
    """The lock for writing to the screen. Reentrant, since a signal handler may print while its thread is printing."""
    pid = os.getpid()
    return _screen_locks.get(pid) or _screen_locks.setdefault(pid, threading.RLock())  # atomic


class Lines:
    """Cuts one stream of bytes into lines. Not thread-safe."""

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._max_line = max_line
        self._partial: list[str] = []
        self._held = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their newlines."""
        return self._add(self._decoder.decode(data))

    def finish(self) -> list[str]:
        """The last line, when the stream has ended, if it has no newline."""
        lines = self._add(self._decoder.decode(b"", final=True))
        rest = "".join(self._partial)
        self._partial, self._held = [], 0
        return lines + self._pieces(rest) if rest else lines

    def _add(self, text: str) -> list[str]:
        lines = text.split("\n")
        overlong = self._held + len(text) > self._max_line
        self._partial.append(lines[0])
        if len(lines) == 1:
            self._held += len(text)
            return self._cut_partial() if overlong else []
        lines[0] = "".join(self._partial)
        self._partial = [lines.pop()]
        self._held = len(self._partial[0])
        if "\r" in text or lines[0].endswith("\r"):
            lines = [line.removesuffix("\r") for line in lines]
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

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lines: dict[StreamName, Lines] = {}  # of the streams that were written to
        self._warned = False
        self.sink: Sink = discard

    def write(self, chunk: Chunk) -> None:
        lines = self._lines.get(chunk.stream) or self._lines.setdefault(chunk.stream, Lines())
        self._emit(chunk.stream, lines.feed(chunk.data))

    def finish(self) -> None:
        for stream, lines in self._lines.items():
            self._emit(stream, lines.finish())

    def _emit(self, stream: StreamName, lines: list[str]) -> None:
        if not lines:
            return
        try:
            self.sink(stream, lines)
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


class StreamProxy(abc.ABC):
    """Replaces sys.stdout or sys.stderr while something else, such as a progress bar, uses the screen too."""

    @abc.abstractmethod
    def write_lines(self, lines: list[str]) -> None:
        """Prints whole lines, like the function `write_lines`. Called with `screen_lock` held."""


def to_screen(stream: StreamName, lines: list[str]) -> None:
    """Prints lines to the current sys.stdout or sys.stderr, with one write for each."""
    _hold_lock_at_forks()
    with screen_lock():
        screen = sys.stdout if stream == "stdout" else sys.stderr  # with the lock, since a bar replaces them
        if isinstance(screen, StreamProxy):
            screen.write_lines(lines)
        else:
            write_lines(screen, lines)


@cache
def _hold_lock_at_forks() -> None:
    """From now on forks wait for the end of a line: the child would write the buffered half of it again."""
    forking = threading.local()

    def before() -> None:
        forking.lock = screen_lock()
        forking.lock.acquire()

    def after() -> None:
        lock = forking.__dict__.pop("lock", None)
        if lock is not None:  # None if the fork began before this was registered
            lock.release()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)


def write_lines(screen: TextIO, lines: list[str]) -> None:
    """Writes lines and flushes. Characters that the screen's encoding lacks are escaped; then the error is raised."""
    unwritten: UnicodeEncodeError | None = None
    for line in lines:
        try:
            screen.write(line + "\n")
        except UnicodeEncodeError as error:
            unwritten = error
            screen.write(line.encode(error.encoding, "backslashreplace").decode(error.encoding) + "\n")
    screen.flush()
    if unwritten is not None:
        raise unwritten


def to_caller(run: Run, on_output: OnOutput) -> Sink:
    """A sink that calls `on_output(run, line)` for every line, also after it has raised; then the error is raised."""

    def sink(stream: StreamName, lines: list[str]) -> None:
        failed: Exception | None = None
        for line in lines:
            try:
                on_output(run, line)
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed

    return sink
