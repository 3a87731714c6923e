"""The program of a watchdog: stops runs whose launching process is gone. It runs as a script, on the standard library.

    python watchdog_script.py PARENT

Its stdin reports the runs of the process PARENT: `+ GRACE PID@STARTED` when one starts, `- PID@STARTED` when it ends.
When PARENT is gone, the watchdog stops the runs that are left, each with its process group, and exits.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

GROUP_CHECK_INTERVAL = 0.05
"""Seconds between two looks for what is left of the groups: no event reports the end of another's grandchild."""


def main(parent: int) -> None:
    stop(remaining_runs(parent))


def remaining_runs(parent: int) -> dict[str, float]:
    """Blocks until the parent is gone; returns the grace of each run that is left, by the id in its handle."""
    runs: dict[str, float] = {}
    poll, rest = select.poll(), b""
    poll.register(0, select.POLLIN)
    with suppress(ProcessLookupError):  # the parent is gone already; the pipe still holds its reports
        poll.register(os.pidfd_open(parent), select.POLLIN)
    while data := os.read(0, 65536) if 0 in dict(poll.poll()) else b"":  # a forked child may hold the pipe open
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            note(runs, line.decode())
    return runs


def note(runs: dict[str, float], line: str) -> None:
    """Enters one report into `runs`."""
    sign, *words = line.split()
    if sign == "+":
        runs[words[1]] = float(words[0])
    else:
        runs.pop(words[0], None)


def stop(runs: dict[str, float]) -> None:
    """Sends SIGTERM to the runs that still exist, and SIGKILL to those that remain after their grace."""
    began = time.monotonic()
    groups = {int(run.partition("@")[0]): grace for run, grace in runs.items() if exists(run)}
    groups = {group: grace for group, grace in groups.items() if signal_group(group, signal.SIGTERM)}
    while groups:
        time.sleep(GROUP_CHECK_INTERVAL)
        late = {group for group, grace in groups.items() if time.monotonic() - began >= grace}
        for group in late:
            signal_group(group, signal.SIGKILL)
        groups = {group: grace for group, grace in groups.items() if group not in late and signal_group(group, 0)}


def exists(run: str) -> bool:
    """Whether the leader of a run's group is in the process table: if not, its pid may belong to another process."""
    pid, _, started = run.partition("@")
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19].decode() == started
    except OSError:
        return False


def signal_group(group: int, number: int) -> bool:
    """Signals a group. False if there is no such group, or none of its processes may be signalled."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
