"""Runs a test's script in a cgroup of its own with few pids, under an init that reaps; nothing outlives it.

python -m tests.subprocess.sandbox PIDS SCRIPT [ARGUMENTS]
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.reaper import run_as_init

PF_EXITING = 4  # among the flags in proc_pid_stat(5)

_ROOTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))  # version 1, version 2


def cgroup_root() -> Path | None:
    """Where cgroups that limit pids can be made; None if this user may not, or the system has none."""
    for root in _ROOTS:
        try:
            probe = root / f"launchpad-probe-{os.getpid()}"
            probe.mkdir()
            usable = (probe / "pids.max").exists()
            probe.rmdir()
        except OSError:
            continue
        if usable:
            return root
    return None


@contextmanager
def limited(pids: int) -> Iterator[Path]:
    """A cgroup with this process in it, in which at most `pids` processes run. Later, this process leaves it."""
    root = cgroup_root()
    assert root is not None
    group = root / f"launchpad-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "pids.max").write_text(str(pids))
        (group / "cgroup.procs").write_text(str(os.getpid()))
        yield group
    finally:
        while others := [pid for pid in members(group) if pid != os.getpid()]:
            for pid in others:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            reap()
        (root / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def members(group: Path) -> list[int]:
    """The pids of the processes in a cgroup, without those that have ended."""
    pids = map(int, (group / "cgroup.procs").read_text().split())
    return [pid for pid in pids if not has_ended(pid)]


def has_ended(pid: int) -> bool:
    """Whether a process is gone, is a zombie, or is ending: then it runs no code of its program any more."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return True
    return state in "ZX" or bool(int(fields[5]) & PF_EXITING)


def reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main(pids: int, *script: str) -> int:
    """Runs the script and returns its exit status."""
    with limited(pids) as group:
        return run_as_init([sys.executable, *script], {**os.environ, "TEST_CGROUP": os.fspath(group)})


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
