"""A unit for systems without pidfd: threads wait for the process and read its pipes; a queue collects what they get."""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName
from ..models import Handle
from .process import LocalProcess
from .unit import READ_SIZE, LocalUnit, bytes_held

CHUNKS_HELD = 16
"""How many chunks are read before a poll takes them."""

IDLE_TIMEOUT = 0.25
"""Seconds without output, after the process's end, until a pipe that is still open is left to a grandchild."""

DRAIN_TIMEOUT = 5.0
"""Seconds after the process's end for which output is read from a grandchild that never pauses."""

GROUP_CHECK_INTERVAL = 0.05
"""Seconds between two looks for survivors of a stopped run's group: without pidfd, no event reports their end."""


class ThreadedUnit(LocalUnit):
    """Follows a local process with a thread for its end and one for each pipe. Owns the descriptors it is given."""

    def __init__(self, process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> None:
        super().__init__(process, handle)
        # SimpleQueue is written in C: an interrupt in the main thread can leave the lock of a Queue locked.
        self._chunks: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()  # None: a wake-up
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()  # an item for each chunk that may be read ahead
        for _ in range(CHUNKS_HELD):
            self._room.put(None)
        self._taking = threading.Lock()  # held while data is on its way from a pipe to the queue, and by `_is_quiet`
        self._open = set(pipes.values())
        self._ended = threading.Event()
        self._ended_at = 0.0
        self._all_started: queue.SimpleQueue[bool] = queue.SimpleQueue()  # an item for each reader
        self._readers: list[threading.Thread] = []
        try:
            for stream, fd in pipes.items():
                self._readers.append(self._start_thread(self._read, stream, fd))
            self._start_thread(self._wait_for_end)
        except RuntimeError:  # no room for a thread: the descriptors stay the caller's
            for _ in self._readers:
                self._all_started.put(False)
            raise
        for _ in self._readers:
            self._all_started.put(True)

    def has_ended(self) -> bool:
        return self._ended.is_set() or self._process.has_ended()  # the thread may be about to set the event

    def wake(self) -> bool:
        self._chunks.put(None)
        return True

    def _release(self) -> None:
        self._closed = True
        for _ in self._readers:  # each may be waiting for room
            self._room.put(None)

    def _wait(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                chunk, idle = self._chunks.get(timeout=self._next_timeout(until)), False
            except queue.Empty:
                chunk, idle = None, True
            if chunk is not None:
                self._room.put(None)
                if not self._drain_timed_out():
                    return [chunk]
            if self._ended.is_set() and self._is_over(idle):
                return [self._make_exit()]
            woken = chunk is None and not idle
            timed_out = until is not None and time.monotonic() >= until
            if woken or (self._chunks.empty() and (timed_out or not self._ended.is_set())):
                return []

    def _next_timeout(self, until: float | None) -> float | None:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not self._ended.is_set():
            return left
        interval = IDLE_TIMEOUT if self._is_reading() else GROUP_CHECK_INTERVAL
        return interval if left is None else min(interval, left)

    def _is_over(self, idle: bool) -> bool:
        """Whether the run is over and its output is read, or is left to a grandchild."""
        if self._process.has_survivors():
            return False
        return ((idle or not self._is_reading()) and self._is_quiet()) or self._drain_timed_out()

    def _is_quiet(self) -> bool:
        """Whether no output waits. A reader thread may not have had the time to take what is in its pipe."""
        with self._taking:
            return self._chunks.empty() and not any(map(bytes_held, self._open))

    def _is_reading(self) -> bool:
        return any(reader.is_alive() for reader in self._readers)

    def _drain_timed_out(self) -> bool:
        return self._ended.is_set() and time.monotonic() > self._ended_at + DRAIN_TIMEOUT

    def _start_thread(self, target: Callable[..., None], *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, name=f"launchpad-{self._process.pid}", daemon=True)
        thread.start()
        return thread

    def _wait_for_end(self) -> None:
        self._process.wait()
        self._ended_at = time.monotonic()
        self._ended.set()
        self.wake()

    def _read(self, stream: StreamName, fd: int) -> None:
        if not self._all_started.get():
            return
        readable = select.poll()
        readable.register(fd, select.POLLIN)
        try:
            while self._has_room() and readable.poll() and self._take(stream, fd):
                pass
        finally:
            with self._taking:
                self._open.discard(fd)
                os.close(fd)
            self.wake()

    def _take(self, stream: StreamName, fd: int) -> bool:
        """Takes what is in a pipe; False at its end."""
        with self._taking:
            data = os.read(fd, READ_SIZE)
            if data:
                self._chunks.put(Chunk(stream, data))
            return bool(data)

    def _has_room(self) -> bool:
        """Waits until there is room for another chunk; False if the unit is closed."""
        self._room.get()
        return not self._closed
