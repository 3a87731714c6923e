"""Ways to launch many quick local processes: ours, the bare thing, and peers.

    python benchmarks/contenders.py NAME COUNT WORKERS     prints the runs per second of one of them

Each is measured in a process of its own, after a warm-up; what a peer needs is imported when it is asked for. All
launch `/bin/echo hello` with its output dropped, except those that say "streamed", which count its lines.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

ECHO = ["/bin/echo", "hello"]

Launch = Callable[[int], None]
"""Launches that many runs and waits for all of them."""


@contextmanager
def launchpad(workers: int, *, streamed: bool = False) -> Iterator[Launch]:
    from launchpad import LaunchExecutor, Run, SubprocessLauncher

    lines: list[str] = []

    def on_output(run: Run, line: str) -> None:
        lines.append(line)

    def launch(count: int) -> None:
        lines.clear()
        futures = [executor.submit(Run(command=ECHO), on_output=on_output if streamed else None) for _ in range(count)]
        assert all(future.result() for future in futures)
        assert len(lines) == (count if streamed else 0)

    with LaunchExecutor(SubprocessLauncher(stream_output=False), workers) as executor:
        yield launch


@contextmanager
def bare_popen(workers: int, *, streamed: bool = False) -> Iterator[Launch]:
    stream = subprocess.PIPE if streamed else subprocess.DEVNULL

    def one(_: int) -> int:
        process = subprocess.Popen(ECHO, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        out, _errors = process.communicate()
        assert not streamed or out == b"hello\n"
        return process.returncode

    with ThreadPoolExecutor(workers) as executor:
        yield lambda count: _all_zero(executor.map(one, range(count)))


@contextmanager
def asyncio_subprocess(workers: int) -> Iterator[Launch]:
    async def launch(count: int) -> None:
        room = asyncio.Semaphore(workers)

        async def one() -> int:
            async with room:
                null = asyncio.subprocess.DEVNULL
                process = await asyncio.create_subprocess_exec(*ECHO, stdin=null, stdout=null, stderr=null)
                return await process.wait()

        _all_zero(await asyncio.gather(*(one() for _ in range(count))))

    yield lambda count: asyncio.run(launch(count))


@contextmanager
def joblib_threads(workers: int) -> Iterator[Launch]:
    import joblib

    null = subprocess.DEVNULL

    def launch(count: int) -> None:
        call = joblib.delayed(subprocess.call)
        calls = (call(ECHO, stdin=null, stdout=null, stderr=null) for _ in range(count))
        _all_zero(joblib.Parallel(n_jobs=workers, backend="threading")(calls))

    yield launch


@contextmanager
def xargs(workers: int) -> Iterator[Launch]:
    yield lambda count: _pipe(["xargs", "-P", str(workers), "-n", "1", "/bin/echo"], count)


@contextmanager
def gnu_parallel(workers: int) -> Iterator[Launch]:
    yield lambda count: _pipe(["parallel", "-j", str(workers), "/bin/echo"], count)


@contextmanager
def psij(workers: int) -> Iterator[Launch]:
    import psij

    def launch(count: int) -> None:
        def one(_: int) -> int:
            job = psij.Job(psij.JobSpec(executable=ECHO[0], arguments=ECHO[1:]))
            executor.submit(job)
            status = job.wait()
            return 0 if status is not None and status.state is psij.JobState.COMPLETED else 1

        with ThreadPoolExecutor(workers) as threads:
            _all_zero(threads.map(one, range(count)))

    executor = psij.JobExecutor.get_instance("local")
    yield launch


@contextmanager
def parsl(workers: int) -> Iterator[Launch]:
    import parsl

    with tempfile.TemporaryDirectory() as directory:
        pool = parsl.executors.ThreadPoolExecutor(max_threads=workers)
        parsl.load(parsl.Config(executors=[pool], run_dir=directory, usage_tracking=0, initialize_logging=False))

        @parsl.bash_app
        def echo() -> str:
            return "/bin/echo hello >/dev/null"

        yield lambda count: _all_zero([future.result() for future in [echo() for _ in range(count)]])
        parsl.dfk().cleanup()


@contextmanager
def submitit(workers: int) -> Iterator[Launch]:
    import submitit

    def launch(count: int) -> None:
        function = submitit.helpers.CommandFunction(ECHO, verbose=False)
        with ThreadPoolExecutor(workers) as threads:
            outputs = list(threads.map(lambda _: executor.submit(function).result(), range(count)))
        assert all(output.startswith("hello") for output in outputs)

    with tempfile.TemporaryDirectory() as directory:
        executor = submitit.LocalExecutor(directory)
        yield launch


def _all_zero(codes: object) -> None:
    assert not any(codes)  # type: ignore[call-overload]


def _pipe(command: list[str], count: int) -> None:
    words = "hello\n" * count
    subprocess.run(command, input=words, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


@contextmanager
def launchpad_streamed(workers: int) -> Iterator[Launch]:
    with launchpad(workers, streamed=True) as launch:
        yield launch


@contextmanager
def bare_popen_streamed(workers: int) -> Iterator[Launch]:
    with bare_popen(workers, streamed=True) as launch:
        yield launch


CONTENDERS: dict[str, Callable[[int], object]] = {
    "bare Popen": bare_popen,
    "launchpad": launchpad,
    "bare Popen, streamed": bare_popen_streamed,
    "launchpad, streamed": launchpad_streamed,
    "asyncio": asyncio_subprocess,
    "joblib": joblib_threads,
    "xargs": xargs,
    "GNU parallel": gnu_parallel,
    "PSI/J": psij,
    "parsl": parsl,
    "submitit": submitit,
}

SLOW = {"PSI/J": 0.15, "submitit": 0.02, "parsl": 0.5, "GNU parallel": 0.5}
"""How many runs, as a share of the others', give a fair measurement of a slow one."""


def main(name: str, count: int, workers: int) -> None:
    count = max(workers, round(count * SLOW.get(name, 1.0)))
    with CONTENDERS[name](workers) as launch:  # type: ignore[attr-defined]
        launch(workers)
        began = time.perf_counter()
        launch(count)
        print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
