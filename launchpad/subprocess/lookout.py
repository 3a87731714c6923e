"""How threads wait for the ends of many children at once, so that others can be started beside them as fast as ever.

In waitid(2), a thread holds no descriptor; but at the end of any child the kernel looks at all threads that wait there:
0.07 ms for a thousand. With a descriptor each, every start pays as much, for the kernel copies their table. So beyond
the first threads, and for what takes longer, the kernel polls a process whose descriptor is closed again.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from _thread import start_new_thread
from collections.abc import Callable
from typing import TYPE_CHECKING

from .units import LocalProcess

if TYPE_CHECKING:
    from .aio import Polls

IN_WAITID = 128
"""How many threads wait in waitid, before others wait elsewhere."""

BY_DESCRIPTOR = 128
"""How many others hold a descriptor, at most."""

SOON = 0.5
"""Seconds for which they do: to be handed over to the kernel's own polls costs two switches of threads at the end."""

ROOM = 4096
"""How many of the kernel's own polls there are at once, at most. The system has 65,536, for all users (aio-max-nr)."""

_logger = logging.getLogger("launchpad")


def _open_polls(room: int) -> Polls:
    from .aio import Polls  # ctypes takes 3 ms to import: for those who need it

    return Polls(room)


class Lookout:
    """Waits for children of this process. Any number of threads may, each for one. Holds nothing when nobody does."""

    def __init__(
        self,
        in_waitid: int = IN_WAITID,
        by_descriptor: int = BY_DESCRIPTOR,
        soon: float = SOON,
        open_polls: Callable[[int], Polls] = _open_polls,
    ) -> None:
        self._in_waitid = in_waitid
        self._by_descriptor = by_descriptor
        self._soon = soon
        self._open_polls = open_polls
        self._waiting: set[int] = set()  # pids; sets are changed in one step, and one too many does no harm
        self._holding: set[int] = set()
        self._lock = threading.Lock()  # guards the next two: nothing is added to polls that are about to be closed
        self._polls: Polls | None = None
        self._bells: dict[int, threading.Lock] = {}  # by pid, of those that are polled; taken out in one step

    def wait(self, process: LocalProcess) -> None:
        """Blocks until it has ended."""
        if len(self._waiting) >= self._in_waitid and threading.get_ident() != threading.main_thread().ident:
            self._wait_elsewhere(process.pid)  # not where an interrupt can come between a descriptor and us
        self._waiting.add(process.pid)
        try:
            process.wait()
        finally:
            self._waiting.discard(process.pid)

    def _wait_elsewhere(self, pid: int) -> None:
        """Blocks until it has ended, or cannot be waited for like this."""
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # somebody reaped it, or there are no descriptors left
            return
        try:
            bell = None if self._ends_soon(pidfd) else self._bell(pidfd, pid)
        finally:
            os.close(pidfd)
        if bell is not None:
            bell.acquire()

    def _ends_soon(self, pidfd: int) -> bool:
        if len(self._holding) >= self._by_descriptor:
            return False
        self._holding.add(pidfd)
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            return bool(poll.poll(self._soon * 1000))
        finally:
            self._holding.discard(pidfd)

    def _bell(self, pidfd: int, pid: int) -> threading.Lock | None:
        """A lock that is released when the process has ended; None where the system does not let us."""
        bell = threading.Lock()
        bell.acquire()
        with self._lock:
            try:
                polls = self._polls = self._polls or self._begin()
                self._bells[pid] = bell
                polls.add(pidfd, pid)
            except (ImportError, OSError, RuntimeError):  # no ctypes; no such call, or room; no room for a thread
                self._bells.pop(pid, None)
                return None
        return bell

    def _begin(self) -> Polls:
        polls = self._open_polls(ROOM)
        try:
            start_new_thread(self._ring, (polls,))
        except BaseException:
            polls.close()
            raise
        return polls

    def _ring(self, polls: Polls) -> None:
        """Rings the bells of those that have ended, until nobody listens."""
        try:
            while not self._is_over(polls):
                for pid in polls.wait():
                    if bell := self._bells.pop(pid, None):
                        bell.release()
        except Exception:  # a defect; nobody is to listen for what will not come
            _logger.exception("The kernel's polls cannot be waited for")
            self._give_up(polls)

    def _is_over(self, polls: Polls) -> bool:
        with self._lock:
            if self._bells:
                return False
            self._polls = None
        polls.close()
        return True

    def _give_up(self, polls: Polls) -> None:
        with self._lock:
            self._polls = None
            while self._bells:
                self._bells.popitem()[1].release()
        polls.close()
