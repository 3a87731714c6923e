"""How threads wait for the ends of many children at once, so that others can be started beside them as fast as ever.

In waitid(2), a thread holds no descriptor; but at the end of any child the kernel looks at all threads that wait there:
0.07 ms for a thousand. With a descriptor each, every start pays as much, for the kernel copies their table. So beyond
the first threads, and for what takes longer, the kernel polls a process whose descriptor is closed again.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .process import LocalProcess
from .proctable import any_ends

if TYPE_CHECKING:
    from .aio import Polls

IN_WAITID = 128
"""How many threads wait in waitid, before others wait elsewhere."""

BY_DESCRIPTOR = 128
"""How many others hold a descriptor, at most."""

SOON = 0.5
"""Seconds for which they do: to be handed over to the kernel's own polls costs two switches of threads at the end."""

ROOM = 2048
"""How many of the kernel's own polls there can be at once, at least; beyond, threads wait in waitid.

It is what a process takes of the 65,536 that the system has for all users (/proc/sys/fs/aio-max-nr).
"""

_logger = logging.getLogger("launchpad")


def _open_polls(room: int) -> Polls:
    from .aio import Polls  # ctypes takes 3 ms to import: for those who need it
    from .futexes import spread

    spread(room)
    return Polls(room)


class Lookout:
    """Waits for children of this process. Any number of threads may, each for one.

    Each thread that the kernel's polls are for sleeps on a lock of its own, its bell; one thread, which is there while
    there are bells, releases them.
    """

    def __init__(
        self,
        in_waitid: int = IN_WAITID,
        by_descriptor: int = BY_DESCRIPTOR,
        soon: float = SOON,
        open_polls: Callable[[int], Polls] = _open_polls,
        start_thread: Callable[[Callable[[_Bells], None], tuple[_Bells]], object] = start_new_thread,
    ) -> None:
        self._in_waitid = in_waitid
        self._by_descriptor = by_descriptor
        self._soon = soon
        self._open_polls = open_polls
        self._start_thread = start_thread
        # Sets are changed in one step; two threads that look at once may both be let in, and one too many is no harm.
        self._waiting: set[int] = set()  # pids
        self._holding: set[int] = set()  # descriptors
        self._lock = threading.Lock()  # guards the next one: no bell is added to those whose thread has gone
        self._bells: _Bells | None = None

    def wait(self, process: LocalProcess) -> None:
        """Blocks until it has ended."""
        # The main thread does not go elsewhere: an interrupt could come between a descriptor and who is to close it.
        if len(self._waiting) >= self._in_waitid and threading.get_ident() != threading.main_thread().ident:
            self._wait_elsewhere(process)
        self._waiting.add(process.pid)
        try:
            process.wait()
        finally:
            self._waiting.discard(process.pid)

    def _wait_elsewhere(self, process: LocalProcess) -> None:
        """Blocks until it has ended, or cannot be waited for like this."""
        try:
            pidfd = os.pidfd_open(process.pid)
        except OSError:  # somebody reaped it, or there are no descriptors left
            return
        try:
            if self._ends_soon(pidfd) or process.has_ended():  # if somebody reaped it, another has its number by now
                return
            bell = self._bell(pidfd)
        finally:
            os.close(pidfd)
        if bell is not None:
            bell.acquire()

    def _ends_soon(self, pidfd: int) -> bool:
        if len(self._holding) >= self._by_descriptor:
            return False
        self._holding.add(pidfd)
        try:
            return any_ends((pidfd,), self._soon)
        finally:
            self._holding.discard(pidfd)

    def _bell(self, pidfd: int) -> threading.Lock | None:
        """A bell for when the process has ended; None where there can be none."""
        with self._lock:
            try:
                return (self._bells or self._begin()).add(pidfd)
            except Exception:  # no ctypes, no such calls, no room for a poll or a thread: waitid does it in any case
                return None

    def _begin(self) -> _Bells:
        bells = _Bells()
        self._start_thread(self._ring, (bells,))  # it waits for the lock, which we hold
        bells.polls = self._open_polls(ROOM)
        self._bells = bells
        return bells

    def _ring(self, bells: _Bells) -> None:
        """Rings until nobody listens."""
        try:
            while self._are_heard(bells):
                bells.ring()
        except Exception:  # a defect: then all are to wait in waitid
            self._give_up(bells)
            with suppress(Exception):  # a logging filter's
                _logger.exception("The kernel's polls cannot be waited for")
        if bells.polls is not None:
            bells.polls.close()

    def _are_heard(self, bells: _Bells) -> bool:
        with self._lock:
            if not bells.by_token and self._bells is bells:
                self._bells = None
            return bool(bells.by_token)

    def _give_up(self, bells: _Bells) -> None:
        with self._lock:
            self._bells = None
            for bell in bells.by_token.values():
                bell.release()


class _Bells:
    """Locks, each to be released when a process has ended. Added under the Lookout's lock; rung by one thread."""

    def __init__(self) -> None:
        self.polls: Polls | None = None
        self.by_token: dict[int, threading.Lock] = {}
        self._tokens = itertools.count()

    def add(self, pidfd: int) -> threading.Lock:
        """A bell, which is not rung yet. The descriptor may be closed at once."""
        assert self.polls is not None
        token, bell = next(self._tokens), threading.Lock()
        bell.acquire()
        self.by_token[token] = bell
        try:
            self.polls.add(pidfd, token)
        except BaseException:
            del self.by_token[token]
            raise
        return bell

    def ring(self) -> None:
        """Blocks until some processes have ended, and rings their bells."""
        assert self.polls is not None
        for token in self.polls.wait():
            self.by_token.pop(token).release()
