"""The program of a guard: it ends runs whose launcher is gone. The standard library alone, for it runs as a script.

    python guardian.py PARENT

On stdin it is told of the runs of the process PARENT: `+ GRACE PID@STARTED` when one has started, `- PID@STARTED` when
it has ended. When PARENT is gone, it stops those that are left, each by its process group, and exits.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

LOOK_AGAIN = 0.05
"""Seconds between two looks for what is left of the groups: nothing tells of the end of a stranger's grandchild."""


def main(parent: int) -> None:
    stop(listen(parent))


def listen(parent: int) -> dict[str, float]:
    """Waits until the parent is gone; the runs that were left then, by their handles' ids, and their grace."""
    runs: dict[str, float] = {}
    poll, rest = select.poll(), b""
    poll.register(0, select.POLLIN)
    with suppress(ProcessLookupError):  # it is gone already; what it had to say is in the pipe
        poll.register(os.pidfd_open(parent), select.POLLIN)
    while data := os.read(0, 65536) if 0 in dict(poll.poll()) else b"":  # a child it has forked may hold the pipe open
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            note(runs, line.decode())
    return runs


def note(runs: dict[str, float], line: str) -> None:
    """Takes what one line says into `runs`."""
    sign, *words = line.split()
    if sign == "+":
        runs[words[1]] = float(words[0])
    else:
        runs.pop(words[0], None)


def stop(runs: dict[str, float]) -> None:
    """Asks the runs that are still there to end, and kills those that have not after their grace."""
    began = time.monotonic()
    groups = {int(run.partition("@")[0]): grace for run, grace in runs.items() if is_there(run)}
    groups = {group: grace for group, grace in groups.items() if reaches(group, signal.SIGTERM)}
    while groups:
        time.sleep(LOOK_AGAIN)
        late = {group for group, grace in groups.items() if time.monotonic() - began >= grace}
        for group in late:
            reaches(group, signal.SIGKILL)
        groups = {group: grace for group, grace in groups.items() if group not in late and reaches(group, 0)}


def is_there(run: str) -> bool:
    """Whether the leader of a run's group is in the process table: else its number may be another's by now."""
    pid, _, started = run.partition("@")
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[19].decode() == started
    except OSError:
        return False


def reaches(group: int, number: int) -> bool:
    """Signals a group, and says whether there is one."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # nothing of it may be signalled: there is nothing more to do
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
