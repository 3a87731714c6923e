"""A unit for runs without output: the thread that polls it sleeps in waitid(2) until the process exits.

It holds no descriptor. Each open descriptor makes every start slower, because the kernel copies the table of them: two
for each of a thousand runs in flight cost a fifth of the rate at which others start beside them.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName, Unit
from ..core.interrupts import uninterrupted
from ..errors import EngineUnavailable
from ..models import Handle
from .process import LocalProcess, exit_of
from .unit import PidfdUnit, follow_by_pidfd
from .unit_threaded import ThreadedUnit


def follow(process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> Unit:
    """The cheapest unit for Linux. ProcessLookupError where it is gone, OSError where no descriptors are left."""
    if pipes or not process.ours:
        return follow_by_pidfd(process, handle, pipes)
    return WaitidUnit(process, handle)


class WaitidUnit:
    """Follows a child of this process. Another unit takes over when there is more to wait for than the child's end."""

    def __init__(self, process: LocalProcess, handle: Handle) -> None:
        self.handle = handle
        self._process = process
        self._exit: Exit | None = None
        self._other: Unit | None = None
        self._asleep = False  # in waitid, which nothing but the process's end wakes
        self._woken = False
        self._closed = False

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        self._process.followed = True
        if self._exit is not None:
            return [self._exit]
        if self._closed:
            raise EngineUnavailable(f"Process {self._process.pid} is not followed any more: its launch was given up.")
        if self._other is None and timeout is None and self._process.may_be_signalled():
            if not self._sleep():
                return []
            self._process.reap()
            if not self._process.has_survivors():
                self._exit = exit_of(self._process)
                return [self._exit]
        try:
            return self._by_other().poll(timeout)
        except OSError:  # no descriptors are left to look for its group with
            self._by_other().close()
            self._other = ThreadedUnit(self._process, self.handle, {})
            return self._other.poll(0)

    def has_ended(self) -> bool:
        return self._process.has_ended() if self._other is None else self._other.has_ended()

    def wake(self) -> bool:
        self._woken = True  # set before `_asleep` is read: `_sleep` does it in the other order
        if self._other is not None:
            self._other.wake()
        return not self._asleep

    def terminate(self, grace: float) -> bool:
        return self._process.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.signal(signal.SIGKILL)

    def close(self) -> None:
        self._closed = True
        if self._other is not None:
            self._other.close()

    def _sleep(self) -> bool:
        """Waits for the process's end; False if `wake` was called before."""
        self._asleep = True
        try:
            if self._woken:
                self._woken = False
                return False
            self._process.wait()
            return True
        finally:
            self._asleep = False

    def _by_other(self) -> Unit:
        """The unit for a limited wait, or for the end of the whole group: by pidfd, or by threads without one."""
        if self._other is None:
            try:
                uninterrupted(self._make_other, lambda: None)  # an interrupt would leak its descriptors
            except RuntimeError:  # no thread can be started
                if self._other is None:
                    self._make_other()
        assert self._other is not None
        return self._other

    def _make_other(self) -> None:
        try:
            if self._process.reap():
                self._other = PidfdUnit(self._process, self.handle, set(), {})
            else:
                self._other = follow_by_pidfd(self._process, self.handle, {})
        except OSError:
            self._other = ThreadedUnit(self._process, self.handle, {})
        if self._woken:  # by a thread that did not see `_other` yet
            self._other.wake()
