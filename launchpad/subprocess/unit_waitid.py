"""The unit for runs without output: the thread that polls it sleeps in waitid(2) until the process exits.

It holds no descriptor. Each open descriptor makes every start slower, because the kernel copies the table of them: two
for each of a thousand runs in flight cost a fifth of the rate at which others start beside them.
"""

from __future__ import annotations

import select
from collections.abc import Mapping, Sequence

from ..core.backend import Chunk, Exit, StreamName, Unit
from ..core.interrupts import uninterrupted
from ..models import Handle
from .process import LocalProcess
from .unit import LocalUnit, PidfdUnit, open_pidfd_unit
from .unit_threaded import ThreadedUnit


def cheapest_unit(process: LocalProcess, handle: Handle, pipes: Mapping[StreamName, int]) -> Unit:
    """The unit for Linux 5.3 and later that costs least. ProcessLookupError, OSError: as `open_pidfd_unit`."""
    if pipes or not process.is_child or _poll_is_patched():
        return open_pidfd_unit(process, handle, pipes)
    return WaitidUnit(process, handle)


def _poll_is_patched() -> bool:
    """Whether gevent, for instance, replaces poll(2), to run other tasks meanwhile: waitid would block them all."""
    return select.poll.__module__ != "select"


class WaitidUnit(LocalUnit):
    """Follows a child in waitid(2). Another unit replaces it for what waitid cannot do: time limits, whole groups."""

    def __init__(self, process: LocalProcess, handle: Handle) -> None:
        super().__init__(process, handle)
        self._replacement: LocalUnit | None = None
        self._asleep = False  # in waitid, which only the process's end interrupts
        self._woken = False

    def has_ended(self) -> bool:
        return (self._replacement or self._process).has_ended()

    def wake(self) -> bool:
        self._woken = True  # set before `_asleep` is read: `_sleep` does it in the other order
        if self._replacement is not None:
            self._replacement.wake()
        return not self._asleep

    def _release(self) -> None:
        self._closed = True
        if self._replacement is not None:
            self._replacement._release()

    def _wait(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        if self._replacement is None and timeout is None and self._process.may_be_signalled():
            if not self._sleep():
                return []
            if not self._process.has_survivors():
                return [self._make_exit()]
        try:
            return self._replace().poll(timeout)
        except OSError:  # no descriptors are left to look for the group's processes
            self._replace()._release()
            self._replacement = ThreadedUnit(self._process, self.handle, {})
            return self._replacement.poll(0)

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

    def _replace(self) -> LocalUnit:
        """The unit that replaces this one: by pidfd or, if no descriptors are left, by threads."""
        if self._replacement is None:
            uninterrupted(self._make_replacement, lambda: None)  # an interrupt would leak its descriptors
        assert self._replacement is not None
        return self._replacement

    def _make_replacement(self) -> None:
        try:
            if self._process.reap():
                self._replacement = PidfdUnit(self._process, self.handle, set(), {})
            else:
                self._replacement = open_pidfd_unit(self._process, self.handle, {})
        except OSError:
            self._replacement = ThreadedUnit(self._process, self.handle, {})
        if self._woken:  # `wake` may not have seen `_replacement` yet
            self._replacement.wake()
