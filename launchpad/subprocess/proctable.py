"""What the system's process table says: who a pid is, and who is left of a process group.

Linux is asked through /proc, which costs microseconds; other systems through psutil.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import time
from collections.abc import Iterable
from typing import NamedTuple

_NANOSECONDS_PER_TICK = 10**9 // (os.sysconf("SC_CLK_TCK") if sys.platform == "linux" else 1)
_NO_ANSWER = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_ENDED_STATES = "ZX"  # zombie, dead: only waiting to be reaped


class Process(NamedTuple):
    """One entry of the process table. `started` tells it from a later process with the same pid."""

    pid: int
    group: int
    session: int
    started: str
    running: bool


class StartTimes:
    """Tells when a child was started, as `Process.started` does, mostly without asking for its entry. Thread-safe.

    On Linux that is in ticks since boot (proc_pid_stat(5)), by a clock that can be read: where it stands in the same
    tick before and after the child was started, there is no doubt. Asking costs a tenth of a start, for the kernel has
    it wait while the child loads its program. The clock is trusted once it has agreed with an entry.
    """

    def __init__(self) -> None:
        self._trusted: bool | None = None  # None before the first comparison

    def now(self) -> str:
        """To be given to `of` later; empty where no clock is known."""
        if sys.platform != "linux":
            return ""
        return str(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NANOSECONDS_PER_TICK)

    def of(self, pid: int, before: str) -> str:
        """When the child `pid`, which was started after `before`, was started. ProcessLookupError where it is gone."""
        certain = before == self.now()
        if certain and self._trusted:
            return before
        entry = look_up(pid)
        if entry is None:
            raise ProcessLookupError
        if certain and self._trusted is None:
            self._trusted = entry.started == before
        return entry.started


def look_up(pid: int) -> Process | None:
    """The entry of `pid`, or None where there is no such process. OSError where the system has no room to say."""
    return _from_proc(pid) if sys.platform == "linux" else _from_psutil(pid)


def group_members(group: int) -> list[int]:
    """The pids that still run in the process group and session `group`; what only waits to be reaped is not one."""
    entries = (look_up(pid) for pid in _all_pids())
    return [
        entry.pid for entry in entries if entry and entry.running and entry.group == group and entry.session == group
    ]


def wait_for_stranger(pid: int, started: str) -> None:
    """Waits until the process `pid`, started at `started`, has ended; it need not be a child of this process."""
    if sys.platform != "linux":
        _wait_by_psutil(pid, started)
        return
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        entry = look_up(pid)
        if entry is not None and entry.started == started:
            any_ends((pidfd,), None)
    finally:
        os.close(pidfd)


def any_ends(pidfds: Iterable[int], timeout: float | None) -> bool:
    """Whether one of these processes has ended, or does within `timeout` seconds; None: waits for it."""
    poll = select.poll()
    for pidfd in pidfds:
        poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _wait_by_psutil(pid: int, started: str) -> None:
    import psutil

    entry = look_up(pid)
    if entry is not None and entry.started == started:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait()


def _all_pids() -> list[int]:
    if sys.platform == "linux":
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    import psutil

    return list(psutil.pids())


def _from_proc(pid: int) -> Process | None:
    # proc_pid_stat(5): the name, in parentheses, may itself contain spaces and parentheses.
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_ANSWER:
            raise
        return None
    try:
        stat = os.read(file, 4096)
    except OSError:  # it ended just now
        return None
    finally:
        os.close(file)
    state, _parent, group, session, *rest = stat[stat.rindex(b")") + 2 :].split()
    return Process(pid, int(group), int(session), rest[15].decode(), state.decode() not in _ENDED_STATES)


def _from_psutil(pid: int) -> Process | None:
    import psutil

    try:
        process = psutil.Process(pid)
        running = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        started = f"{process.create_time():.2f}"
        return Process(pid, os.getpgid(pid), os.getsid(pid), started, running)
    except (psutil.Error, ProcessLookupError):
        return None
