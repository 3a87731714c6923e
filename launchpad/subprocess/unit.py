"""A unit for Linux: one poll() over the process, its two pipes and the wake-up, in the thread that follows the run."""

from __future__ import annotations

import fcntl
import math
import os
import select
import signal
import struct
import termios
import threading
from collections.abc import Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName, Unit
from ..errors import EngineUnavailable
from ..models import Handle
from .process import LocalProcess, exit_of
from .proctable import any_ends

READ_SIZE = 64 * 1024  # what a pipe holds; room for more would be taken, and given back, each time


def follow_by_pidfd(process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> Unit:
    """A unit for Linux 5.3 and later. ProcessLookupError where it is gone, OSError where no descriptors are left."""
    pidfd = os.pidfd_open(process.pid)
    try:
        return PidfdUnit(process, handle, {pidfd}, pipes)
    except BaseException:
        os.close(pidfd)
        raise


class PidfdUnit:
    """Follows a local process by its pidfd, or what is left of its group. Owns the descriptors it is given."""

    def __init__(
        self, process: LocalProcess, handle: Handle, pidfds: set[int], pipes: Mapping[StreamName, int]
    ) -> None:
        self.handle = handle
        self._process = process
        self._ended_fds = pidfds  # of the leader, later of survivors of its group
        self._pipes: dict[int, StreamName] = {fd: stream for stream, fd in pipes.items()}
        self._exit: Exit | None = None
        self._closing = threading.Lock()  # guards the wake-up descriptor, which any thread may write to
        self._wake: int | None = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll = select.poll()
        for fd in (*pidfds, self._wake, *self._pipes):
            self._poll.register(fd, select.POLLIN)

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        self._process.followed = True
        if self._exit is not None:
            return [self._exit]
        if self._wake is None:
            raise EngineUnavailable(f"Process {self._process.pid} is not followed any more: its launch was given up.")
        events: list[Chunk | Exit] = []
        ended = not self._ended_fds
        if ended:
            timeout = 0
        for fd, state in self._poll.poll(None if timeout is None else math.ceil(timeout * 1000)):
            if fd in self._pipes:
                self._read_what_came(fd, state, events)
            elif fd in self._ended_fds:
                ended = True
            else:
                os.eventfd_read(fd)
        if ended:
            self._drain(events)
            if self._is_over():
                self._exit = exit_of(self._process)
                events.append(self._exit)
        return events

    def has_ended(self) -> bool:
        if self._exit is not None:
            return True
        return any_ends(tuple(self._ended_fds), 0)

    def wake(self) -> bool:
        with self._closing:
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)
        return True

    def terminate(self, grace: float) -> bool:
        return self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)

    def close(self) -> None:
        with self._closing:
            wake, self._wake = self._wake, None
        if wake is None:
            return
        for fd in (wake, *self._ended_fds, *self._pipes):
            os.close(fd)
        self._pipes, self._ended_fds = {}, set()

    def _read_what_came(self, fd: int, state: int, events: list[Chunk | Exit]) -> None:
        length = self._read(fd, READ_SIZE, events) if state & select.POLLIN else 0
        if length == 0 or (state & select.POLLHUP and length < READ_SIZE):  # poll(2): nobody is left who could write
            self._poll.unregister(fd)
            del self._pipes[fd]
            os.close(fd)

    def _read(self, fd: int, size: int, events: list[Chunk | Exit]) -> int:
        data = os.read(fd, size)
        if data:
            events.append(Chunk(self._pipes[fd], data))
        return len(data)

    def _drain(self, events: list[Chunk | Exit]) -> None:
        """Reads what is in the pipes now, and no more: a grandchild that holds one open may write for ever."""
        for fd in self._pipes:
            held = _bytes_held(fd)
            while held > 0 and (length := self._read(fd, min(held, READ_SIZE), events)):
                held -= length

    def _is_over(self) -> bool:
        """After the leader's end; and, when the run is being stopped, after that of its whole group."""
        if self._process.ours:
            self._process.wait()  # a moment: a tracer, such as strace, hears of it first
        self._process.reap()
        while survivors := self._process.survivors():
            if self._watch(survivors):
                return False
        return True

    def _watch(self, pids: list[int]) -> bool:
        """Polls for the end of `pids` from now on; False where all have ended meanwhile."""
        for fd in self._ended_fds:
            self._poll.unregister(fd)
            os.close(fd)
        self._ended_fds = set()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self._ended_fds.add(fd)
            self._poll.register(fd, select.POLLIN)
        return bool(self._ended_fds)


def _bytes_held(pipe: int) -> int:
    size: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    return size
