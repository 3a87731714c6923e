"""From a local run's end to its result, and from `cancel()` to a run that is gone."""

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

from measure import percentile
from scenario import Measured, Scenario
from ways import Way, peers, processes

from launchpad import LaunchExecutor, Run, SubprocessLauncher

SLEEP = ["/bin/sleep", "600"]


def exit_to_result(way: Way, workers: int, quick: bool) -> Measured:
    """Each run writes down the time as the last thing that it does; one run after the other."""
    took = []
    with way(workers) as launch, tempfile.TemporaryDirectory() as folder:
        stamp = Path(folder) / "ended"
        command = ["/bin/sh", "-c", f"exec date +%s.%N >{stamp}"]
        for _ in range(3 if quick else 5 if way is peers.submitit else 200):
            launch([command])
            took.append((time.time() - float(stamp.read_text())) * 1000)
    return _percentiles(took)


def cancel_to_gone(cancelled: Callable[[int], Iterator[float]], workers: int, quick: bool) -> Measured:
    return _percentiles(list(cancelled(2 if quick else 200)))


def _percentiles(milliseconds: list[float]) -> Measured:
    return {"median ms": percentile(milliseconds, 50), "p99 ms": percentile(milliseconds, 99)}


def _gone(pid: int, began: float) -> float:
    """Milliseconds since `began`, once the process does not run any more."""
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
            time.sleep(1)  # until it has started, of which it does not tell
            began = time.perf_counter()
            job.cancel()
            while not job.done():
                time.sleep(0.001)
            yield _gone(int(job.job_id), began)


SCENARIOS = (
    Scenario(
        "exit-to-result",
        "From a local run's end to its result",
        "worker",
        (1,),
        quick=(1,),
        rounds=5,
        metrics=("median ms", "p99 ms"),
        contenders={
            "bare Popen": processes.bare_popen,
            "launchpad": processes.launchpad,
            "asyncio": processes.asyncio_subprocess,
            "joblib": peers.joblib_threads,
            "PSI/J": peers.psij,
            "parsl": peers.parsl,
            "submitit": peers.submitit,
        },
        measure=exit_to_result,
    ),
    Scenario(
        "cancel-to-gone",
        "From cancel() to a local run that is gone",
        "at a time",
        (1,),
        quick=(1,),
        rounds=5,
        metrics=("median ms", "p99 ms"),
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
