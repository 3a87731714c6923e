"""Finds and ends the processes of runs by the run ids in their environment. It uses the standard library alone.

A process that has left the process group of its run still has `LAUNCHPAD_RUN_ID` in its environment, unless it has
cleared that. A process that a nested launchpad started has the run's id in `LAUNCHPAD_PARENT_IDS`. The package imports
this module; scripts that run without the package load it from their own directory.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False  # typing takes long to import
if TYPE_CHECKING or __package__:
    from .lean import signal, suppress
else:  # without the package
    from lean import signal, suppress
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

RUN_ID = b"LAUNCHPAD_RUN_ID"
PARENT_IDS = b"LAUNCHPAD_PARENT_IDS"

SHIM = b"shim_script"
"""The word before the last in the command line of a shim."""

_ENDED_STATES = (b"Z", b"X")  # a zombie, dead: not reaped yet

_EXITING, _KERNEL_THREAD = 0x00000004, 0x00200000  # among the flags in proc_pid_stat(5)

LOADING_CHECKS = 3
"""How often, a millisecond apart, an environment is read again that is empty, as while a program is being loaded."""

MOST_PASSES = 100
"""The passes over /proc after which what was found is killed, even if each pass has found more."""

Entry = tuple[int, str, int]
"""The pid, the start time (clock ticks since boot) and the process group of a process."""


def find(
    ids: Iterable[str],
    since: int = 0,
    groups: Mapping[int, str] = {},
    on_found: Callable[[Entry], object] = lambda entry: None,
    but: Container[int] = (),
) -> dict[str, list[Entry]]:
    """The processes of the runs `ids`, by run id, but for this process. One pass over /proc, the newest process first.

    `groups` has the ids of runs by the process groups that are known to be theirs. Processes that started before the
    tick `since` are skipped, and those that this user may not look into, and the pids in `but`. `on_found` is called
    with each process at once. OSError if no descriptor is left.
    """
    wanted = {
        run_id.encode("utf-8", "surrogateescape"): run_id for run_id in ids if run_id
    }  # an empty list of ids must not match
    found: dict[str, list[Entry]] = {}
    for pid in sorted((int(name) for name in os.listdir("/proc") if name.isdigit()), reverse=True):
        if pid in but:
            continue
        stat = _stat(pid)
        if not stat or _has_ended(stat) or int(stat[19]) < since or pid == os.getpid():
            continue
        entry = _entry(pid, stat)
        runs = {wanted[run] for run in _runs_of(pid, stat) if run in wanted}
        if entry[2] in groups:
            runs.add(groups[entry[2]])
        if runs:
            on_found(entry)
        for run in runs:
            found.setdefault(run, []).append(entry)
    return found


def send(entry: Entry, number: int) -> bool:
    """Signals one process, and no other that has got its pid. False if it is gone or may not be signalled.

    If a shim leads the process, it gets SIGTERM before: so it knows that its run is stopped.
    """
    pid, started, group = entry
    if pid == group and (shim := _shim_of(pid)) is not None:
        send(shim, signal.SIGTERM)
    with suppress(ProcessLookupError, PermissionError):
        pidfd = _open_pidfd(pid)
        try:
            current = look_up(pid)
            if current is not None and current[1] == started:
                os.kill(pid, number) if pidfd is None else signal.pidfd_send_signal(pidfd, number)
                return True
        finally:
            if pidfd is not None:
                os.close(pidfd)
    return False


def kill_all(
    ids: Iterable[str],
    since: int = 0,
    groups: Mapping[int, str] = {},
    find: Callable[..., object] = find,
    send: Callable[[Entry, int], bool] = send,
) -> None:
    """Kills the processes of the runs `ids`, those included that are forked meanwhile.

    A process is stopped as soon as it is found, so that it forks no more. When a pass finds no other, all are killed.
    """
    stopped: set[Entry] = set()

    def stop(entry: Entry) -> None:
        if entry not in stopped and send(entry, signal.SIGSTOP):
            stopped.add(entry)

    for _ in range(MOST_PASSES):
        before = len(stopped)
        find(ids, since, groups, stop)
        if len(stopped) == before:
            break
    for entry in stopped:
        send(entry, signal.SIGKILL)


def look_up(pid: int) -> Entry | None:
    """The entry of a process; None if there is none. A process that has ended has one until it is reaped."""
    stat = _stat(pid)
    return _entry(pid, stat) if stat else None


def _shim_of(pid: int) -> Entry | None:
    """The shim whose run a process is the first one of; None if it has none, or if this process is the shim."""
    stat = _stat(pid)
    parent = int(stat[1]) if stat else 0
    if parent in (0, os.getpid()) or (shim := look_up(parent)) is None:
        return None
    with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
        if _read(f"/proc/{parent}/cmdline").split(b"\0")[-3:-2] == [SHIM]:  # the run id and an empty word follow
            return shim
    return None


def _entry(pid: int, stat: list[bytes]) -> Entry:
    return pid, stat[19].decode(), int(stat[2])


def _stat(pid: int) -> list[bytes]:
    """The fields of proc_pid_stat(5) from the state on; none if there is no such process."""
    try:
        return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _has_ended(stat: list[bytes]) -> bool:
    """Whether a process has ended, or is ending: then it runs no code of its program any more."""
    return stat[0] in _ENDED_STATES or bool(int(stat[6]) & _EXITING)


def _open_pidfd(pid: int) -> int | None:
    """A pidfd; None where the system has none, or no descriptor is left."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (AttributeError, OSError):
        return None


def _runs_of(pid: int, stat: list[bytes]) -> list[bytes]:
    """The ids of the run that a process belongs to and of the runs around that; none if it may not be looked into."""
    try:
        environ = _read(f"/proc/{pid}/environ")
        for _ in range(0 if int(stat[6]) & _KERNEL_THREAD else LOADING_CHECKS):
            if environ:
                break
            time.sleep(0.001)  # no event reports that the system has set up the program that is being loaded
            environ = _read(f"/proc/{pid}/environ")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    if RUN_ID not in environ:
        return []
    values = dict(entry.partition(b"=")[::2] for entry in reversed(environ.split(b"\0")))  # the first counts
    return [values.get(RUN_ID, b""), *values.get(PARENT_IDS, b"").split(b",")]


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(file, 65536):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(file)
