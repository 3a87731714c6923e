"""Detached starts of local runs, which go on when their starter ends: how many per second, and their results."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from contenders import Command, check
from metrics import seconds_of

from launchpad import Run, SubprocessLauncher

from .scenario import Measured, Scenario

ECHO = ["/bin/echo", "hello"]
METRICS = ("starts/s", "starts and results/s")

StartAndWait = tuple[Callable[[Command], Any], Callable[[Any], int]]
"""Starts a run and returns what it is found by; waits for the run and returns its exit status."""


def rates(contender: Callable[[], AbstractContextManager[StartAndWait]], workers: int, quick: bool) -> Measured:
    count = 4 if quick else 16 if contender is submitit else 200
    with contender() as (start, wait), ThreadPoolExecutor(workers) as threads:
        check([wait(start(ECHO))])
        started: list[Any] = []
        starts = seconds_of(lambda: started.extend(threads.map(start, [ECHO] * count)))
        ends = seconds_of(lambda: check(threads.map(wait, started)))
    return dict(zip(METRICS, (count / starts, count / (starts + ends)), strict=True))


@contextmanager
def bare_popen() -> Iterator[StartAndWait]:
    """A process in a session of its own. Only its starter can wait for it."""

    def start(command: Command) -> subprocess.Popen[bytes]:
        null = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)

    yield start, lambda process: process.wait()


@contextmanager
def launchpad() -> Iterator[StartAndWait]:
    def wait(handle: Any) -> int:
        outcome = launcher.wait(handle)
        launcher.remove(handle)
        return int(not outcome.ok)

    with tempfile.TemporaryDirectory() as state, SubprocessLauncher(stream_output=False) as launcher:
        os.environ["XDG_STATE_HOME"] = state
        yield lambda command: launcher.start(Run(command=list(command))), wait


@contextmanager
def submitit() -> Iterator[StartAndWait]:
    import submitit as package

    with tempfile.TemporaryDirectory() as folder:
        executor = package.LocalExecutor(folder)

        def start(command: Command) -> Any:
            return executor.submit(package.helpers.CommandFunction(list(command), verbose=False))

        yield start, lambda job: int(job.exception() is not None)


SCENARIOS = (
    Scenario(
        name="detached",
        title="Detached local runs",
        size="workers",
        sizes=(1, 8),
        quick_sizes=(2,),
        rounds=5,
        metrics=METRICS,
        contenders={"bare Popen": bare_popen, "launchpad": launchpad, "submitit": submitit},
        measure=rates,
    ),
)
