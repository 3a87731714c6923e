"""The system's process table: the members of a process group, environments, and waits for other processes.

Linux is read through /proc, which costs microseconds; other systems through psutil.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Container, Iterable, Mapping

from ..core.process_table import RESOURCE_ERRORS
from ..core.process_table import Process as Process
from ..core.process_table import look_up as look_up
from .sweep_script import PARENT_IDS, RUN_ID, Entry

_NANOSECONDS_PER_TICK = 10**9 // (os.sysconf("SC_CLK_TCK") if sys.platform == "linux" else 1)
LOADING_WINDOW = 0.5
"""Seconds in which a process that has just been started may not show its environment yet."""


class StartTimes:
    """Gives the start time of a child, equal to its `Process.started`, mostly without reading its entry. Thread-safe.

    On Linux a start time is in ticks since boot (proc_pid_stat(5)), of a clock that this process can read: if the clock
    shows the same tick before and after the child starts, that tick is the start time. Reading the entry takes a tenth
    of the time of a start, because the kernel blocks it while the child loads its program. The clock is used once it
    has agreed with an entry.
    """

    def __init__(self) -> None:
        self._clock_agrees: bool | None = None  # None before the first comparison

    def now(self) -> str:
        """The current tick, to be passed to `of` later; empty on systems other than Linux."""
        if sys.platform != "linux":
            return ""
        return str(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // _NANOSECONDS_PER_TICK)

    def of(self, pid: int, before: str) -> str:
        """The start time of the child `pid`, started after `before`. ProcessLookupError if it has no entry."""
        same_tick = before == self.now()
        if same_tick and self._clock_agrees:
            return before
        entry = look_up(pid)
        if entry is None:
            raise ProcessLookupError
        if same_tick and self._clock_agrees is None:
            self._clock_agrees = entry.started == before
        return entry.started


def group_members(group: int) -> list[int]:
    """The pids of the running processes of the process group and session `group`, zombies excluded."""
    entries = (look_up(pid) for pid in _all_pids())
    return [
        entry.pid for entry in entries if entry and entry.running and entry.group == group and entry.session == group
    ]


def environment_of(pid: int) -> dict[str, str]:
    """The environment with which a process began its program; empty if the system does not let it be read."""
    if sys.platform != "linux":
        return _environment_by_psutil(pid)
    until = time.monotonic() + LOADING_WINDOW
    while (data := _read_environment(pid)) == b"" and time.monotonic() < until:
        if (entry := look_up(pid)) is None or not entry.running:
            break
        time.sleep(0.001)  # no event reports that the system has set up the new program
    pairs = (os.fsdecode(item).partition("=") for item in reversed((data or b"").split(b"\0")))  # the first counts
    return {name: value for name, equals, value in pairs if equals}


def _read_environment(pid: int) -> bytes | None:
    """None if it must not be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError as error:
        if error.errno in RESOURCE_ERRORS:
            raise
        return None


def ancestors() -> set[int]:
    """This process, and those that it descends from."""
    found: set[int] = set()
    pid = os.getpid()
    while pid > 0 and pid not in found:
        found.add(pid)
        entry = look_up(pid)
        pid = 0 if entry is None else entry.parent
    return found


def wait_for_end(pid: int, started: str) -> None:
    """Blocks until the process `pid`, started at `started`, has ended. It need not be a child of this process."""
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
            any_ended((pidfd,), None)
    finally:
        os.close(pidfd)


def any_ended(pidfds: Iterable[int], timeout: float | None) -> bool:
    """Whether one of these processes ends within `timeout` seconds (None: no limit)."""
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


def _environment_by_psutil(pid: int) -> dict[str, str]:
    import psutil

    try:
        return dict(psutil.Process(pid).environ())
    except (psutil.Error, OSError):
        return {}


def find_by_psutil(
    ids: Iterable[str],
    since: int = 0,
    groups: Mapping[int, str] = {},
    on_found: Callable[[Entry], object] = lambda entry: None,
    but: Container[int] = (),
) -> dict[str, list[Entry]]:
    """The same as `sweep_script.find`, for systems without /proc; start times are seconds since the epoch."""
    import psutil

    wanted, found = set(filter(None, ids)), dict[str, list[Entry]]()
    for pid in psutil.pids():
        process = None if pid in but else look_up(pid)
        if process is None or not process.running or float(process.started) < since or pid == os.getpid():
            continue
        environment = _environment_by_psutil(pid)
        around = environment.get(PARENT_IDS.decode(), "").split(",")
        runs = wanted & {environment.get(RUN_ID.decode(), ""), *around, groups.get(process.group, "")}
        entry = (pid, process.started, process.group)
        if runs:
            on_found(entry)
        for run in runs:
            found.setdefault(run, []).append(entry)
    return found


def send_by_psutil(entry: Entry, number: int) -> bool:
    """The same as `sweep_script.send`, for systems without /proc."""
    process = look_up(entry[0])
    if process is None or process.started != entry[1]:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(entry[0], number)
        return True
    return False
