"""The program of a watchdog: stops runs whose launching process has ended. It uses the standard library alone.

    python script_runner.py watchdog_script PID

Its stdout is the table of the runs of the process PID, which `watchdog` writes, and its stderr a pidfd of that process.
It goes on in a child of its own. When PID has ended, it stops the runs that are in the table, with all their processes,
removes the files for their results, and exits.
"""

from __future__ import annotations

import fcntl
import os
import select
import time

TYPE_CHECKING = False  # typing takes long to import
if TYPE_CHECKING or __package__:
    from .lean import signal, suppress
    from .sweep_script import Entry, find, kill_all, look_up, send
else:  # without the package
    from lean import signal, suppress
    from sweep_script import Entry, find, kill_all, look_up, send
if TYPE_CHECKING:
    from collections.abc import Iterator

SLOT_SIZE = 256
"""Bytes of the table for one run: `PID@STARTED` once it has started, and `GRACE ID`. NUL bytes fill the rest.

The file for a result has a slot too: `RESULT`, and its path.
"""

HANDLE_SIZE = 32
"""Bytes of a slot before `GRACE ID`."""

RESULT = "result"

EMPTY_SLOT, EMPTY_HANDLE = bytes(SLOT_SIZE), bytes(HANDLE_SIZE)

CHECK_INTERVAL = 0.05
"""Seconds between two looks for what is left of the runs: no event reports the end of another's grandchild."""

SETTLE_TIME = 0.5
"""Seconds for which nothing must be found. A child that has not loaded its program yet has its parent's environment."""

READ_SIZE = 256 * SLOT_SIZE
"""Bytes of the table that are read at a time."""

TABLE, PARENT = 1, 2  # descriptors


class WatchedRun:
    """A run: its id, its grace in seconds and, once it has started, the pid and the start time of its first process."""

    def __init__(self, run_id: str, grace: float, process: tuple[int, str] | None) -> None:
        self.run_id = run_id
        self.grace = grace
        self.process = process


def main() -> None:
    if os.fork():
        os._exit(0)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # it ends with the launching process, and not sooner
        signal.signal(number, signal.SIG_IGN)
    fcntl.lockf(TABLE, fcntl.LOCK_EX)  # another one for this table goes first
    poll = select.poll()
    poll.register(PARENT, select.POLLIN)
    poll.poll()
    stop({run.run_id: run for run in watched_runs(TABLE)})
    for path in result_files(TABLE):
        remove(path)


def watched_runs(table: int) -> Iterator[WatchedRun]:
    """The runs in a table. A slot that was being written is left out: its run has not started, or has ended."""
    for handle, entry in _used_slots(table):
        grace, _, run_id = entry.partition(" ")
        pid, _, started = handle.partition("@")
        with suppress(ValueError):
            process = (int(pid), started) if pid.isdigit() and started.isdigit() else None
            yield WatchedRun(run_id, float(grace), process)


def result_files(table: int) -> Iterator[str]:
    """The paths of the files for results in a table."""
    return (entry for handle, entry in _used_slots(table) if handle == RESULT)


def _used_slots(table: int) -> Iterator[tuple[str, str]]:
    """The slots that are not empty. It reads and compares many at a time: the table has room for tens of thousands."""
    empty = bytes(READ_SIZE)
    for begin in range(0, os.fstat(table).st_size, READ_SIZE):
        block = os.pread(table, READ_SIZE, begin)
        if block != empty:
            slots = (block[place : place + SLOT_SIZE] for place in range(0, len(block), SLOT_SIZE))
            yield from ((_text(slot[:HANDLE_SIZE]), _text(slot[HANDLE_SIZE:])) for slot in slots if slot != EMPTY_SLOT)


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "surrogateescape")


def stop(runs: dict[str, WatchedRun]) -> None:
    """Sends SIGTERM to the processes of the runs, and SIGKILL to those that remain after the grace of their run."""
    began = quiet_since = time.monotonic()
    groups = {run.process[0]: run.run_id for run in runs.values() if run.process and exists(*run.process)}
    asked: dict[Entry, bool] = {}  # whether the process may be signalled: one of another user may not
    while runs and time.monotonic() < quiet_since + SETTLE_TIME:
        found = find(runs, groups=groups)
        groups = {entry[2]: run_id for run_id in found for entry in found[run_id] if groups.get(entry[2]) == run_id}
        late = [run_id for run_id in found if time.monotonic() >= began + runs[run_id].grace]
        if late:
            kill_all(late, groups={group: run_id for group, run_id in groups.items() if run_id in late})
        for entry in {entry for entries in found.values() for entry in entries} - set(asked):
            asked[entry] = send(entry, signal.SIGTERM)
        if any(asked[entry] for entries in found.values() for entry in entries):
            quiet_since = time.monotonic()
        time.sleep(CHECK_INTERVAL)


def remove(path: str) -> None:
    """Removes a file, and its folder if that is empty then."""
    with suppress(OSError):
        os.unlink(path)
    with suppress(OSError):
        os.rmdir(os.path.dirname(path))


def exists(pid: int, started: str) -> bool:
    """Whether the first process of a run is in the process table: if not, its pid may belong to another process."""
    entry = look_up(pid)
    return entry is not None and entry[1] == started
