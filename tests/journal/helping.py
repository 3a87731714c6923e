"""Batches with a journal on an engine in memory, and copies of their files as after the death of the driver."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from launchpad import Handle, Journal, LaunchExecutor, LaunchFuture, Outcome, Reason, Run
from launchpad.journal.entry import Entry
from launchpad.journal.store import Store
from launchpad.testing import FakeBackend, FakeLauncher

HANDLE = Handle("fake", "1", "job", "fake", "run")
SUCCESS = Outcome(ok=True, exit_code=0, reason=Reason.COMPLETED, handle=HANDLE)
FAILURE = Outcome(ok=False, exit_code=1, reason=Reason.FAILED, handle=HANDLE)


def launched(
    fake: FakeBackend, path: Path, runs: Sequence[Run], *, retry_failed: bool = False
) -> tuple[list[LaunchFuture], Journal]:
    """Launches a batch to its end."""
    journal = Journal(path, retry_failed=retry_failed)
    with LaunchExecutor(FakeLauncher(fake), 4, journal=journal) as executor:
        return executor.launch_all(runs), journal


def as_after_a_kill(path: Path, to: Path) -> Path:
    """Copies the files of a journal that is in use, as a driver leaves them that is killed now."""
    to.mkdir(exist_ok=True)
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, to / file.name)
    return to / path.name


def filled(path: Path, entries: int = 3) -> Path:
    """A journal with some items that have ended."""
    store = Store(str(path))
    for number in range(entries):
        key = number.to_bytes(16, "big")
        store.write(Entry(key=key, name=f"job-{number}", run_id="run").ended(SUCCESS))
    store.close()
    return path
