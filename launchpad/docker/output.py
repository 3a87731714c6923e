"""A container's output: attached to before it starts, and completed from the engine's log where the stream was lost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..core.backend import Chunk, StreamName
from ..core.retries import Transient
from ..errors import LaunchError
from ..net.exchange import StreamingResponse, message_of
from .frames import Demultiplexer, LineDeduplicator

TOGETHER = 0.05
"""Seconds between the end of the stream and that of the run, which come together unless the stream was lost before."""

LATE = 1.5
"""Seconds after the run's end within which the engine passes on the rest; later it may have given up."""

SILENCE = 2.0
"""Seconds without output after the run's end, until its stream is taken to hang."""

PATIENCE = 120.0
"""Seconds after the run's end for which the engine is asked for the rest."""

READ_AT_ONCE = 1024 * 1024

_logger = logging.getLogger("launchpad")


class RunOutput:
    """The output of one container, on its way to who follows it. Owned by the thread that polls.

    Three sources, one after the other as needed: the stream attached to before the start; the log, followed, after that
    broke; the log as it is after the end. The log begins anew each time, and the ledgers drop what was passed on.
    `open_log(follow)` asks for the log: Transient where it is worth another try.
    """

    def __init__(
        self, name: str, tty: bool, open_log: Callable[[bool], StreamingResponse], attached: StreamingResponse | None
    ) -> None:
        self.source = attached
        self.is_complete = False
        self._name = name
        self._tty = tty
        self._open_log = open_log
        self._frames = Demultiplexer(tty)
        self._ledgers: dict[StreamName, LineDeduplicator] = {"stdout": LineDeduplicator(), "stderr": LineDeduplicator()}
        self._from_log = attached is None
        self._final = False
        self._lost = False
        self._tries = 0
        self._last_read = self._eof_at = self._retry_at = time.monotonic()

    def take(self, ended_at: float | None) -> list[Chunk]:
        """What has come by now. `ended_at`: when (monotonic) the run's end was heard of, if it was."""
        chunks = self._read() if self.source is not None else []
        self._go_on(ended_at, time.monotonic())
        if self.is_complete:
            chunks += [Chunk(stream, last) for stream, ledger in self._ledgers.items() if (last := ledger.finish())]
        return chunks

    def due(self, ended_at: float | None) -> float | None:
        """When (monotonic) there is something to do even if nothing comes; None where there is nothing."""
        if self.is_complete:
            return None
        if self.source is None:
            return self._retry_at
        return None if ended_at is None else max(ended_at, self._last_read) + SILENCE

    def let_go(self) -> None:
        """Leaves the stream; what it had yet to tell comes from the log."""
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
            while size < READ_AT_ONCE and (data := self.source.read()) is not None:
                if self.source.status not in (101, 200):
                    self._refused(data)
                    break
                if data == b"":
                    self._close_source(lost=False)
                    break
                size += len(data)
                chunks += self._passed_on(data)
        except OSError:
            self._close_source(lost=True)
        if size:
            self._last_read = time.monotonic()
        return chunks

    def _passed_on(self, data: bytes) -> list[Chunk]:
        pieces = [(stream, self._ledgers[stream].feed(piece)) for stream, piece in self._frames.feed(data)]
        return [Chunk(stream, whole) for stream, whole in pieces if whole]

    def _go_on(self, ended_at: float | None, now: float) -> None:
        if self.source is not None:
            if ended_at is not None and now - max(ended_at, self._last_read) >= SILENCE:
                self._close_source(lost=True)
                self._retry_at = now
            return
        if ended_at is None:
            if now >= self._retry_at:
                self._lost = True
                self._open(follow=True)
        elif self._is_whole(ended_at):
            self.is_complete = True
        elif now > ended_at + PATIENCE:
            self._give_up("the engine did not tell it in time")
        elif now >= self._retry_at or not self._final:
            self._open(follow=False)

    def _is_whole(self, ended_at: float) -> bool:
        if self._final:
            return not self._lost
        return not self._from_log and not self._lost and -TOGETHER <= self._eof_at - ended_at <= LATE

    def _close_source(self, *, lost: bool) -> None:
        self.close()
        self._lost = lost
        self._eof_at = time.monotonic()
        self._retry_at = self._eof_at + (2 * TOGETHER if self._tries == 0 else min(5.0, 0.1 * 2**self._tries))

    def _open(self, *, follow: bool) -> None:
        self._tries += 1
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
        self._last_read = time.monotonic()
        for ledger in self._ledgers.values():
            ledger.begin_anew()

    def _refused(self, body: bytes) -> None:
        assert self.source is not None
        if self.source.status in (429, 502, 503, 504):
            self._close_source(lost=True)
        else:
            self._give_up(message_of(body.decode("utf-8", "replace")))

    def _give_up(self, why: str) -> None:
        self.close()
        self.is_complete = True
        _logger.warning("Output of run %r may be incomplete: %s", self._name, why)
