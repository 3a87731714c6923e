"""The units of local processes: what they share, and the one for Linux, which polls descriptors in one thread."""

from __future__ import annotations

import fcntl
import math
import os
import select
import signal
import struct
import termios
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from ..core.backend import Chunk, Exit, StreamName, Unit
from ..core.diagnosis import of_exit_code
from ..errors import EngineUnavailable
from ..models import Handle
from ..net.wakeup import Wakeup
from .process import STATUS_TAKEN, LocalProcess
from .proctable import any_ended

READ_SIZE = 64 * 1024
"""Bytes per read: the capacity of a pipe. A larger buffer would be allocated, and shrunk, at every read."""


class LocalUnit(Unit):
    """A unit of a local process. Subclasses wait for its output and its end."""

    def __init__(self, process: LocalProcess, handle: Handle) -> None:
        self.handle = handle
        self._process = process
        self._exit: Exit | None = None
        self._closed = False

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        if self._exit is not None:
            return [self._exit]
        if self._closed:
            raise EngineUnavailable(f"Process {self._process.pid} is no longer followed: its unit is closed.")
        self._process.polled = True
        events = self._wait(timeout)
        if events and isinstance(events[-1], Exit):
            self._exit = events[-1]
        return events

    def terminate(self, grace: float) -> bool:
        return self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)

    def close(self) -> None:
        if self._process.result is not None:
            self._process.result.remove()
        self._release()

    @abstractmethod
    def _release(self) -> None:
        """Frees what this unit holds. Idempotent."""

    @abstractmethod
    def _wait(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        """`poll` before the Exit. The leader is reaped, and the group has no survivors, when it returns the Exit."""

    def _make_exit(self) -> Exit:
        """The Exit of the process, which ended just now."""
        code, file = self._process.exit_code, self._process.result
        reason, message, hint = of_exit_code(code)
        if code is None and self._process.is_child:
            hint = STATUS_TAKEN
        return Exit(
            exit_code=code,
            reason=reason,
            message=message,
            hint=hint,
            ended_at=datetime.now(timezone.utc),
            result=None if file is None else file.take(),
        )


class PidfdUnit(LocalUnit):
    """Polls a pidfd of the process, its pipes and a wake-up in one poll(2). Owns the descriptors it is given."""

    def __init__(
        self, process: LocalProcess, handle: Handle, pidfds: set[int], pipes: Mapping[StreamName, int]
    ) -> None:
        super().__init__(process, handle)
        self._pidfds = pidfds  # of the leader, later of the survivors of its group
        self._pipes: dict[int, StreamName] = {fd: stream for stream, fd in pipes.items()}
        self._wakeup = Wakeup()
        self._poll = select.poll()
        for fd in (*pidfds, self._wakeup.fileno(), *self._pipes):
            self._poll.register(fd, select.POLLIN)

    def has_ended(self) -> bool:
        return self._exit is not None or any_ended(self._pidfds, 0)

    def wake(self) -> bool:
        self._wakeup.set()
        return True

    def _release(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._wakeup.close()
        for fd in (*self._pidfds, *self._pipes):
            os.close(fd)
        self._pipes, self._pidfds = {}, set()

    def _wait(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        events: list[Chunk | Exit] = []
        ended = not self._pidfds
        if ended:
            timeout = 0
        for fd, state in self._poll.poll(None if timeout is None else math.ceil(timeout * 1000)):
            if fd in self._pipes:
                self._read_available(fd, state, events)
            elif fd in self._pidfds:
                ended = True
            else:
                self._wakeup.clear()
        if ended:
            self._drain(events)
            if self._is_over():
                events.append(self._make_exit())
        return events

    def _read_available(self, fd: int, state: int, events: list[Chunk | Exit]) -> None:
        length = self._read(fd, READ_SIZE, events) if state & select.POLLIN else 0
        if length == 0 or (state & select.POLLHUP and length < READ_SIZE):  # poll(2): no process holds the other end
            self._poll.unregister(fd)
            del self._pipes[fd]
            os.close(fd)

    def _read(self, fd: int, size: int, events: list[Chunk | Exit]) -> int:
        data = os.read(fd, size)
        if data:
            events.append(Chunk(self._pipes[fd], data))
        return len(data)

    def _drain(self, events: list[Chunk | Exit]) -> None:
        """Reads what the pipes hold now, and no more: a grandchild that has a pipe open may write for ever."""
        for fd in self._pipes:
            held = bytes_held(fd)
            while held > 0 and (length := self._read(fd, min(held, READ_SIZE), events)):
                held -= length

    def _is_over(self) -> bool:
        """Whether the run is over: its leader has ended and, if the run is being stopped, its whole group."""
        if self._process.is_child:
            self._process.wait()  # only briefly: a tracer, such as strace, learns of the end before the parent
        while survivors := self._process.survivors():
            if self._watch(survivors):
                return False
        return True

    def _watch(self, pids: list[int]) -> bool:
        """Polls for the ends of `pids` from now on. False if all have ended meanwhile."""
        for fd in self._pidfds:
            self._poll.unregister(fd)
            os.close(fd)
        self._pidfds = set()
        for pid in pids:
            try:
                fd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self._pidfds.add(fd)
            self._poll.register(fd, select.POLLIN)
        return bool(self._pidfds)


def open_pidfd_unit(process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> PidfdUnit:
    """A unit for Linux 5.3 and later. ProcessLookupError if the process is gone, OSError if no descriptors are left."""
    pidfd = os.pidfd_open(process.pid)
    try:
        return PidfdUnit(process, handle, {pidfd}, pipes)
    except BaseException:
        os.close(pidfd)
        raise


def bytes_held(pipe: int) -> int:
    """How many bytes are in a pipe."""
    size: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    return size
