"""Local runs end with the process that launches them, even if it is killed: a watchdog process stops them.

No code in a process can act on its SIGKILL: by the system that is out of memory, or by Jupyter, which kills a kernel
that does not exit quickly. Linux can signal a child at its parent's death, but does so when the thread that started the
child ends. So the first run starts a watchdog process, which shares a table of the runs with the launching process and
sleeps until that has ended. Each run costs three short writes to memory.
"""

from __future__ import annotations

import fcntl
import logging
import mmap
import os
import threading
import time
from contextlib import suppress

from ..core.interrupts import uninterrupted
from ..errors import LaunchError
from . import watchdog_script
from .background import reap, spawn_script
from .spawn import encoded
from .watchdog_script import EMPTY_HANDLE, EMPTY_SLOT, HANDLE_SIZE, RESULT, SLOT_SIZE

SLOTS = 32768
"""The runs that can be watched at the same time. The table takes memory for those that were needed so far."""

CHECK_INTERVAL = 0.1
"""Seconds after a check whether the watchdog runs, until the start of a run checks it again."""

RETRY_INTERVAL = 10.0
"""Seconds after a watchdog could not be started, until the start of a run tries it again."""

_FAILURES = (OSError, LaunchError, RuntimeError, MemoryError)

_logger = logging.getLogger("launchpad")


class Watchdog:
    """A table of runs, and a process that stops those in the table when this process has ended. Thread-safe.

    The watchdog is no child of this process, so that code that waits for all children does not wait for it. It holds a
    lock on the table, which the system releases at its end: then the next run starts another watchdog for the table.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._file = os.memfd_create("launchpad-runs")
        try:
            os.ftruncate(self._file, SLOTS * SLOT_SIZE)
            self._table = mmap.mmap(self._file, SLOTS * SLOT_SIZE)
        except BaseException:
            os.close(self._file)
            raise
        self._free: list[int] = []
        self._unused = iter(range(0, SLOTS * SLOT_SIZE, SLOT_SIZE))
        self._checking = threading.Lock()
        self._check_at = 0.0

    def expect(self, run_id: str, grace: float) -> int | None:
        """Has a run watched that is about to start. Returns its place in the table; None if it cannot be watched."""
        place = self._put(b"%a %b" % (grace, encoded(run_id)))
        if place is not None and time.monotonic() >= self._check_at:
            self._check()
        return place

    def expect_file(self, path: str) -> int | None:
        """Has the file of a result removed, with its folder, if this process ends before `forget`. As `expect`."""
        place = self._put(encoded(path))
        if place is not None:
            self.note_start(place, RESULT)
        return place

    def note_start(self, place: int, handle_id: str) -> None:
        """Has the process group watched of a run that has started."""
        handle = handle_id.encode()
        self._table[place : place + len(handle)] = handle

    def forget(self, place: int) -> None:
        """Ends the watch over a run or a file."""
        if os.getpid() == self._pid:  # a forked child shares the table, and the runs are not its own
            self._table[place : place + HANDLE_SIZE] = EMPTY_HANDLE  # first: no path counts that is not whole
            self._table[place : place + SLOT_SIZE] = EMPTY_SLOT
            self._free.append(place)

    def _put(self, entry: bytes) -> int | None:
        """Writes an entry to a free slot. None if it is too long or no slot is free."""
        if len(entry) > SLOT_SIZE - HANDLE_SIZE:  # an id or a folder of the caller's, of hundreds of characters
            return None
        place = self._free.pop() if self._free else next(self._unused, None)
        if place is not None:
            begin = place + HANDLE_SIZE
            self._table[begin : begin + len(entry)] = entry
        return place

    def close(self) -> None:
        """Closes the table, for this process."""
        self._table.close()
        os.close(self._file)

    def _check(self) -> None:
        """Starts a watchdog unless one runs. A failure is logged: a run goes on without."""
        if not self._checking.acquire(blocking=False):
            return
        try:
            self._check_at = time.monotonic() + CHECK_INTERVAL
            if not self._is_running():
                uninterrupted(self._start, lambda: None)
        except _FAILURES as error:
            self._check_at = time.monotonic() + RETRY_INTERVAL
            _logger.debug("Runs may outlive this process if it is killed: no watchdog can be started (%s)", error)
        finally:
            self._checking.release()

    def _is_running(self) -> bool:
        """Whether a watchdog holds the lock on the table."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        return False

    def _start(self) -> None:
        """Starts a watchdog, and returns when it is about to run its loop."""
        this_process = os.pidfd_open(self._pid)
        try:
            pid = spawn_script(watchdog_script, str(self._pid), self._file, this_process)
        finally:
            os.close(this_process)
        reap(pid)


_watchdogs: dict[int, Watchdog] = {}  # by process id: a forked child needs one of its own


def watchdog() -> Watchdog | None:
    """The watchdog of this process; None if the system has none (it needs Linux 5.3), or no descriptor is left."""
    pid = os.getpid()
    found = _watchdogs.get(pid)
    if found is None and hasattr(os, "memfd_create") and hasattr(os, "pidfd_open"):
        with suppress(*_FAILURES):
            new = Watchdog()
            found = _watchdogs.setdefault(pid, new)  # atomic: a lock may be held at the fork
            if found is not new:
                new.close()
    return found
