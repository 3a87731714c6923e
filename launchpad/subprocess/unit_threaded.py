"""A unit for systems without pidfd: threads wait for the process and read its pipes, and a queue brings it together."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName
from ..models import Handle
from .process import LocalProcess, exit_of

READ_SIZE = 64 * 1024
CHUNKS_HELD = 16
DRAIN = 0.25
"""Seconds without output after the process's end, until a pipe that is still open is taken to be a grandchild's."""

DRAIN_AT_MOST = 5.0
"""Seconds after the process's end for which such a grandchild's output is read, if it never pauses."""

GROUP_CHECK = 0.05
"""Seconds between two looks for survivors of a stopped run's group: without pidfd nothing tells of their end."""


class ThreadedUnit:
    """Follows a local process with a thread for its end and one for each pipe. Owns the descriptors it is given."""

    def __init__(self, process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> None:
        self.handle = handle
        self._process = process
        # Queues in C: in the main thread an interrupt can tear a Queue apart, and leave its lock held.
        self._chunks: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()  # None: wake up and look
        self._room: queue.SimpleQueue[None] = queue.SimpleQueue()  # an item for each chunk that may be read ahead
        for _ in range(CHUNKS_HELD):
            self._room.put(None)
        self._ended = threading.Event()
        self._ended_at = 0.0
        self._closed = threading.Event()
        self._exit: Exit | None = None
        self._readers = [self._spawn(self._read, stream, fd) for stream, fd in pipes.items()]
        self._spawn(self._wait)

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        self._process.followed = True
        if self._exit is not None:
            return [self._exit]
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                chunk, quiet = self._chunks.get(timeout=self._patience(until)), False
            except queue.Empty:
                chunk, quiet = None, True
            if chunk is not None:
                self._room.put(None)
                if not self._drained_enough():
                    return [chunk]
            if self._ended.is_set() and self._is_over(quiet):
                self._exit = exit_of(self._process)
                return [self._exit]
            woken = chunk is None and not quiet
            late = until is not None and time.monotonic() >= until
            if woken or (self._chunks.empty() and (late or not self._ended.is_set())):
                return []

    def has_ended(self) -> bool:
        return self._ended.is_set() or self._process.has_ended()  # its thread may be about to say so

    def wake(self) -> bool:
        self._chunks.put(None)
        return True

    def terminate(self, grace: float) -> bool:
        return self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)

    def close(self) -> None:
        self._closed.set()
        for _ in self._readers:  # who waits for room
            self._room.put(None)

    def _patience(self, until: float | None) -> float | None:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not self._ended.is_set():
            return left
        step = DRAIN if any(reader.is_alive() for reader in self._readers) else GROUP_CHECK
        return step if left is None else min(step, left)

    def _is_over(self, quiet: bool) -> bool:
        if self._process.has_survivors():
            return False
        read = quiet or not any(reader.is_alive() for reader in self._readers)
        return (read and self._chunks.empty()) or self._drained_enough()

    def _drained_enough(self) -> bool:
        return self._ended.is_set() and time.monotonic() > self._ended_at + DRAIN_AT_MOST

    def _spawn(self, target: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, name=f"launchpad-{self._process.pid}", daemon=True)  # type: ignore[arg-type]
        thread.start()
        return thread

    def _wait(self) -> None:
        self._process.wait()
        self._process.reap()
        self._ended_at = time.monotonic()
        self._ended.set()
        self.wake()

    def _has_room(self) -> bool:
        """Waits for room; False when nobody wants more."""
        self._room.get()
        return not self._closed.is_set()

    def _read(self, stream: StreamName, fd: int) -> None:
        try:
            while self._has_room() and (data := os.read(fd, READ_SIZE)):
                self._chunks.put(Chunk(stream, data))
        finally:
            os.close(fd)
            self.wake()
