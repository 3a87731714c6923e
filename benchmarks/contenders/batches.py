"""Batches: the command line of launchpad, its journal, and the job log of GNU parallel."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from launchpad import Journal, Launcher, SubprocessLauncher
from launchpad.testing import FakeLauncher

from . import Launch, feed, launchpads, processes

BATCH = [sys.executable, "-m", "launchpad.cli", "batch", "--lines", "-"]


@contextmanager
def launchpad_batch(workers: int, *options: str) -> Iterator[Launch]:
    yield lambda commands: feed([*BATCH, "--workers", str(workers), *options], commands)


def launchpad_batch_quiet(workers: int) -> AbstractContextManager[Launch]:
    return launchpad_batch(workers, "--quiet")


def launchpad_journal(workers: int) -> AbstractContextManager[Launch]:
    return _with_journal(SubprocessLauncher(stream_output=False), workers)


def in_memory(workers: int) -> AbstractContextManager[Launch]:
    """Runs on an engine in memory, which starts no processes: the measured time is that of launchpad itself."""
    return launchpads.launchpad(FakeLauncher(stream_output=False), workers)


def in_memory_journal(workers: int) -> AbstractContextManager[Launch]:
    return _with_journal(FakeLauncher(stream_output=False), workers)


@contextmanager
def _with_journal(launcher: Launcher, workers: int) -> Iterator[Launch]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp may be in memory
        os.environ["XDG_STATE_HOME"] = folder
        journal = Journal(Path(folder) / "journal")
        with launchpads.launchpad(launcher, workers, journal=journal) as launch:
            yield launch


@contextmanager
def gnu_parallel_joblog(workers: int) -> Iterator[Launch]:
    with (
        tempfile.NamedTemporaryFile(dir="/var/tmp") as file,
        processes.gnu_parallel(workers, "--joblog", file.name) as launch,
    ):
        yield launch
