"""How long it takes from a local run's end to its result, and from `cancel()` until a run is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path

from contenders import Contender, peers, processes
from metrics import PERCENTILES, percentiles

from launchpad import LaunchExecutor, Run, SubprocessLauncher

from .scenario import Measured, Scenario

SLEEP = ["/bin/sleep", "600"]

CancelRuns = Callable[[int], Iterator[float]]
"""Cancels so many runs, one after the other; yields for each the milliseconds until it is gone."""


def exit_to_result(contender: Contender, workers: int, quick: bool) -> Measured:
    """Each run writes the time to a file just before it exits; one run after the other."""
    took = []
    with contender(workers) as launch, tempfile.TemporaryDirectory() as folder:
        stamp = Path(folder) / "ended"
        command = ["/bin/sh", "-c", f"exec date +%s.%N >{stamp}"]
        for _ in range(3 if quick else 5 if contender is peers.submitit else 200):
            launch([command])
            took.append((time.time() - float(stamp.read_text())) * 1000)
    return percentiles(took)


def cancel_to_gone(cancel_runs: CancelRuns, workers: int, quick: bool) -> Measured:
    return percentiles(list(cancel_runs(2 if quick else 200)))


def _gone(pid: int, began: float) -> float:
    """Waits until the process is gone or a zombie; returns the milliseconds since `began`."""
    with suppress(FileNotFoundError, ProcessLookupError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z":
            time.sleep(0.0001)
    return (time.perf_counter() - began) * 1000


def launchpad(count: int) -> Iterator[float]:
    with LaunchExecutor(SubprocessLauncher(stream_output=False), 8) as executor:
        for future in executor.launch_all(Run(command=SLEEP) for _ in range(count)):
            pid = int(future.wait_started().id.partition("@")[0])
            began = time.perf_counter()
            assert future.cancel()
            with suppress(CancelledError):
                future.result()
            yield _gone(pid, began)


def bare_popen(count: int) -> Iterator[float]:
    for _ in range(count):
        process = subprocess.Popen(SLEEP, start_new_session=True)
        began = time.perf_counter()
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        yield _gone(process.pid, began)


def asyncio_process(count: int) -> Iterator[float]:
    async def one() -> float:
        process = await asyncio.create_subprocess_exec(*SLEEP, start_new_session=True)
        began = time.perf_counter()
        os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        return _gone(process.pid, began)

    for _ in range(count):
        yield asyncio.run(one())


def psij(count: int) -> Iterator[float]:
    import psij

    executor = psij.JobExecutor.get_instance("local")
    for _ in range(min(count, 20)):
        job = psij.Job(psij.JobSpec(executable=SLEEP[0], arguments=SLEEP[1:]))
        executor.submit(job)
        job.wait(target_states=[psij.JobState.ACTIVE])
        began = time.perf_counter()
        job.cancel()
        job.wait()
        yield _gone(int(job.native_id), began)


def submitit(count: int) -> Iterator[float]:
    import submitit as package

    with tempfile.TemporaryDirectory() as directory:
        executor = package.LocalExecutor(directory)
        for _ in range(min(count, 5)):
            job = executor.submit(package.helpers.CommandFunction(SLEEP, verbose=False))
            time.sleep(1)  # until it has started, which submitit does not report
            began = time.perf_counter()
            job.cancel()
            while not job.done():
                time.sleep(0.001)
            yield _gone(int(job.job_id), began)


SCENARIOS = (
    Scenario(
        name="exit-to-result",
        title="From a local run's end to its result",
        size="worker",
        rounds=5,
        metrics=PERCENTILES,
        contenders={**processes.BASIC, **peers.PEERS},
        measure=exit_to_result,
    ),
    Scenario(
        name="cancel-to-gone",
        title="From cancel() to a local run that is gone",
        size="at a time",
        rounds=5,
        metrics=PERCENTILES,
        contenders={
            "bare Popen": bare_popen,
            "launchpad": launchpad,
            "asyncio": asyncio_process,
            "PSI/J": psij,
            "submitit": submitit,
        },
        measure=cancel_to_gone,
    ),
)
