"""Local processes by other Python packages, each used as its documentation shows."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from . import Command, Launch, check, in_threads


@contextmanager
def joblib_threads(workers: int) -> Iterator[Launch]:
    import joblib

    null = subprocess.DEVNULL

    def launch(commands: Sequence[Command]) -> None:
        call = joblib.delayed(subprocess.call)
        calls = (call(command, stdin=null, stdout=null, stderr=null) for command in commands)
        check(joblib.Parallel(n_jobs=workers, backend="threading")(calls))

    yield launch


@contextmanager
def psij(workers: int) -> Iterator[Launch]:
    import psij

    def run(command: Command) -> int:
        job = psij.Job(psij.JobSpec(executable=command[0], arguments=list(command[1:])))
        executor.submit(job)
        status = job.wait()
        return int(status is None or status.state is not psij.JobState.COMPLETED)

    executor = psij.JobExecutor.get_instance("local")
    with in_threads(workers, run) as launch:
        yield launch


@contextmanager
def parsl(workers: int) -> Iterator[Launch]:
    import parsl

    with tempfile.TemporaryDirectory() as directory:
        pool = parsl.executors.ThreadPoolExecutor(max_threads=workers)
        parsl.load(parsl.Config(executors=[pool], run_dir=directory, usage_tracking=0, initialize_logging=False))

        @parsl.bash_app
        def shell(line: str) -> str:
            return line

        def launch(commands: Sequence[Command]) -> None:
            futures = [shell(f"{shlex.join(command)} >/dev/null") for command in commands]
            check([future.result() for future in futures])

        yield launch
        parsl.dfk().cleanup()


@contextmanager
def submitit(workers: int) -> Iterator[Launch]:
    import submitit

    def run(command: Command) -> int:
        executor.submit(submitit.helpers.CommandFunction(list(command), verbose=False)).result()
        return 0  # a command that fails raises

    with tempfile.TemporaryDirectory() as directory, in_threads(workers, run) as launch:
        executor = submitit.LocalExecutor(directory)
        yield launch


PEERS = {"joblib": joblib_threads, "PSI/J": psij, "parsl": parsl, "submitit": submitit}
