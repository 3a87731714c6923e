"""A container's output: a stream that is attached before the start, completed from the engine's log if it was lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator

from ..core.backend import Chunk, StreamName
from ..core.retries import Transient
from ..errors import LaunchError
from ..net.http import StreamingResponse
from ..net.wakeup import readable
from .frames import Demultiplexer, LineDeduplicator

EARLY_WINDOW = 0.05
"""Seconds before the run's end in which its stream may end: one that ended earlier was lost."""

LATE_WINDOW = 1.5
"""Seconds after the run's end in which its stream ends if it is complete: later the engine may have given it up."""

SILENCE_TIMEOUT = 2.0
"""Seconds without output, after the run's end, until its stream counts as hung."""

LOG_TIMEOUT = 120.0
"""Seconds after the run's end in which the rest is requested from the engine."""

MAX_FAULT = 500
"""Bytes of an error in the stream that the warning shows."""

MAX_READ = 1024 * 1024
"""Bytes after which `RunOutput.read` returns although more has arrived."""

_logger = logging.getLogger("launchpad")


class RunOutput:
    """The output of one container. Owned by the thread that polls.

    It has up to three sources, one after the other: the stream that was attached before the start; if that breaks, the
    log, followed; after the run's end, the whole log. A log starts at the beginning, and the deduplicators drop the
    lines that were passed on. `open_log(follow)` requests it, and raises Transient if it may be available later.
    """

    def __init__(
        self,
        name: str,
        tty: bool,
        open_log: Callable[[bool], StreamingResponse],
        attached: StreamingResponse | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.source = attached
        """The open stream: to be waited for."""
        self.is_complete = False
        """Whether the source has ended and no other follows."""
        self.has_gap = False
        """Whether some of the output is known to be lost."""
        self._name = name
        self._tty = tty
        self._open_log = open_log
        self._frames = Demultiplexer(tty)
        self._lines: dict[StreamName, LineDeduplicator] = {"stdout": LineDeduplicator(), "stderr": LineDeduplicator()}
        self._from_log = attached is None
        self._final = False  # whether the source is the log after the end
        self._lost = False
        self._attempts = 0
        self._read_at = self._closed_at = self._retry_at = self._clock()

    def read(self, ended_at: float | None) -> list[Chunk]:
        """Returns what has arrived. `ended_at` is when (monotonic) the run's end was reported, if it was."""
        chunks = self._read() if self.source is not None else []
        self._advance(ended_at, self._clock())
        if self.is_complete:
            chunks += [Chunk(stream, rest) for stream, lines in self._lines.items() if (rest := lines.finish())]
        return chunks

    def read_kept(self) -> Generator[Chunk, None, None]:
        """The output so far, from the log, in place of all other methods."""
        asked_at = self._clock()
        try:
            while True:
                yield from self.read(asked_at)
                if self.is_complete:
                    return
                due = self.due(asked_at)
                readable([self.source] if self.source else [], None if due is None else due - self._clock())
        finally:
            self.close()

    def due(self, ended_at: float | None) -> float | None:
        """When (monotonic) there is something to do even if nothing arrives; None if there is nothing."""
        if self.is_complete:
            return None
        if self.source is None:
            return self._retry_at
        return None if ended_at is None else max(ended_at, self._read_at) + SILENCE_TIMEOUT

    @property
    def is_from_log(self) -> bool:
        """Whether the last lines came from the engine's log, because the stream broke or never was."""
        return self._from_log

    def report_gap(self, reason: str) -> None:
        """Takes note that output is lost, and warns once."""
        if not self.has_gap:
            self.has_gap = True
            _logger.warning("Output of run %r may be incomplete: %s", self._name, reason)

    def release(self) -> None:
        """Closes the stream; its rest comes from the log."""
        self._close_source(lost=True)

    def close(self) -> None:
        if self.source is not None:
            self.source.close()
            self.source = None

    def _read(self) -> list[Chunk]:
        assert self.source is not None
        chunks: list[Chunk] = []
        size = 0
        try:
            while size < MAX_READ and (data := self.source.read()) is not None:
                if data == b"":
                    self._close_source(lost=self._frames.is_partial)
                    break
                size += len(data)
                chunks += self._new_lines(data)
                if fault := self._frames.fault:
                    raise LaunchError(f"the engine ended it with {fault[:MAX_FAULT].decode(errors='replace').strip()}")
        except Transient:
            self._close_source(lost=True)
        except LaunchError as error:
            self._give_up(str(error))
        if size:
            self._read_at = self._clock()
        return chunks

    def _new_lines(self, data: bytes) -> list[Chunk]:
        pieces = [(stream, self._lines[stream].feed(piece)) for stream, piece in self._frames.feed(data)]
        return [Chunk(stream, lines) for stream, lines in pieces if lines]

    def _advance(self, ended_at: float | None, now: float) -> None:
        """Closes a stream that hangs, and opens the next source when that is due."""
        if self.is_complete:
            return
        if self.source is not None:
            if ended_at is not None and now - max(ended_at, self._read_at) >= SILENCE_TIMEOUT:
                self._close_source(lost=True)
                self._retry_at = now
            return
        if ended_at is None:
            if now >= self._retry_at:
                self._lost = True
                self._open(follow=True)
        elif self._is_whole(ended_at):
            self.is_complete = True
        elif now > ended_at + LOG_TIMEOUT:
            self._give_up("the engine did not send it in time")
        elif now >= self._retry_at or not self._final:
            self._open(follow=False)

    def _is_whole(self, ended_at: float) -> bool:
        if self._final:
            return not self._lost
        in_time = -EARLY_WINDOW <= self._closed_at - ended_at <= LATE_WINDOW
        return not self._from_log and not self._lost and in_time

    def _close_source(self, *, lost: bool) -> None:
        self.close()
        self._lost = lost
        self._closed_at = self._clock()
        delay = 2 * EARLY_WINDOW if self._attempts == 0 else min(5.0, 0.1 * 2**self._attempts)
        self._retry_at = self._closed_at + delay

    def _open(self, *, follow: bool) -> None:
        self._attempts += 1
        self._from_log = True
        self._final = not follow
        try:
            self.source = self._open_log(follow)
        except Transient:
            self._close_source(lost=True)
            return
        except LaunchError as error:
            self._give_up(str(error))
            return
        self._lost = False
        self._frames = Demultiplexer(self._tty)
        self._read_at = self._clock()
        for lines in self._lines.values():
            lines.restart()

    def _give_up(self, reason: str) -> None:
        self.close()
        self.is_complete = True
        self.report_gap(reason)
