"""A unit for runs whose output nobody wants: the thread that follows one waits for its end, and for nothing else.

So it holds no descriptor, but for a moment where there are many (see lookout.py). Each one that is open makes every
start dearer, for the kernel copies their table: two for each of a thousand runs in flight took a fifth of the rate at
which others could be started beside them.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName, Unit
from ..core.interrupts import uninterrupted
from ..errors import EngineUnavailable
from ..models import Handle
from .lookout import Lookout
from .process import LocalProcess, exit_of
from .unit import PidfdUnit, follow_by_pidfd
from .unit_threaded import ThreadedUnit


def follow(process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int], lookout: Lookout) -> Unit:
    """The cheapest unit for Linux. ProcessLookupError where it is gone, OSError where no descriptors are left."""
    if pipes or not process.ours:
        return follow_by_pidfd(process, handle, pipes)
    return QuietUnit(process, handle, lookout)


class QuietUnit:
    """Follows a child of this process. From where there is more to wait for than its end, another unit does."""

    def __init__(self, process: LocalProcess, handle: Handle, lookout: Lookout) -> None:
        self.handle = handle
        self._process = process
        self._lookout = lookout
        self._exit: Exit | None = None
        self._other: Unit | None = None
        self._asleep = False  # in a poll that only the process's end ends
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
        self._woken = True  # first this, then a look: who goes to sleep does it the other way round
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
        """Waits for the process's end; False if somebody woke us before."""
        self._asleep = True
        try:
            if self._woken:
                self._woken = False
                return False
            self._lookout.wait(self._process)
            return True
        finally:
            self._asleep = False

    def _by_other(self) -> Unit:
        """For a wait that is limited, or for the whole group's end: by descriptors; by a thread, if none are left."""
        if self._other is None:
            try:
                uninterrupted(self._make_other, lambda: None)  # its descriptors would be lost
            except RuntimeError:  # the system has no room for a thread
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
        if self._woken:  # by somebody who did not see it yet
            self._other.wake()
