"""The entry of one process in the system's process table.

Linux is read through /proc, which costs microseconds; other systems through psutil.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import NamedTuple

RESOURCE_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""The system has no descriptor or memory for this process, which says nothing about the process that is looked up."""

_ENDED_STATES = "ZX"  # zombie, dead: not reaped yet


class Process(NamedTuple):
    """One entry of the process table. `started` distinguishes it from a later process with the same pid."""

    pid: int
    parent: int
    group: int
    session: int
    started: str
    running: bool


def look_up(pid: int) -> Process | None:
    """The entry of `pid`; None if there is no such process. OSError if no descriptor or memory is left to read it."""
    return _from_proc(pid) if sys.platform == "linux" else _from_psutil(pid)


def boot_id() -> str:
    """Identifies this boot of the system, and on Linux the namespace of pids; empty if that cannot be read."""
    if sys.platform != "linux":
        import psutil

        return f"{psutil.boot_time():.0f}"
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()}.{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _from_proc(pid: int) -> Process | None:
    # proc_pid_stat(5): the name, in parentheses, may itself contain spaces and parentheses.
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in RESOURCE_ERRORS:
            raise
        return None
    try:
        stat = os.read(file, 4096)
    except OSError:  # the process was reaped after the file was opened
        return None
    finally:
        os.close(file)
    state, parent, group, session, *rest = stat[stat.rindex(b")") + 2 :].split()
    running = state.decode() not in _ENDED_STATES
    return Process(pid, int(parent), int(group), int(session), rest[15].decode(), running)


def _from_psutil(pid: int) -> Process | None:
    import psutil

    try:
        process = psutil.Process(pid)
        running = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        started = f"{process.create_time():.2f}"
        return Process(pid, process.ppid(), os.getpgid(pid), os.getsid(pid), started, running)
    except (psutil.Error, ProcessLookupError):
        return None
