"""Runs a command as an init would: `python -m tests.faults.reaper GROUP COMMAND...`.

It enters a control group, so that all its descendants are in it, becomes the parent of orphans, and ends with the
command.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def run_as_init(command: Sequence[str], env: Mapping[str, str] = os.environ) -> int:
    """Runs a command, reaps all descendants that lose their parents, and returns the command's exit status."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    child = os.posix_spawnp(command[0], list(command), env)
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def main(group: str, *command: str) -> int:
    (Path(group) / "cgroup.procs").write_text(str(os.getpid()))
    return run_as_init(command)


if __name__ == "__main__":
    sys.exit(abs(main(*sys.argv[1:])))
