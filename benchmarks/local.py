"""Local processes against the bare thing, in the same run.

    python benchmarks/local.py                 everything, about three minutes on two cores
    python benchmarks/local.py rate stream     some of: rate, parent, latency, flight, stream, import
    python benchmarks/local.py --quick         a smoke run

Rates are medians of interleaved rounds; the last column is the ratio to the first line of its table.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from measure import descriptors, interleaved, percentile, print_rates, rate_of, resident_memory, threads

from launchpad import LaunchExecutor, Run, SubprocessLauncher

WORKERS = 8
ECHO = ["/bin/echo", "hello"]


def bare(count: int, stream: int) -> None:
    """What one would write by hand: Popen and communicate under a ThreadPoolExecutor."""

    def launch(_: int) -> None:
        process = subprocess.Popen(ECHO, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        process.communicate()
        assert process.returncode == 0

    with ThreadPoolExecutor(WORKERS) as executor:
        for _ in executor.map(launch, range(count)):
            pass


def ours(count: int, *, streaming: bool) -> None:
    lines = 0

    def on_output(run: Run, line: str) -> None:
        nonlocal lines
        lines += 1

    launcher = SubprocessLauncher(stream_output=False)
    with LaunchExecutor(launcher, WORKERS) as executor:
        futures = [executor.submit(Run(command=ECHO), on_output=on_output if streaming else None) for _ in range(count)]
        assert all(future.result() for future in futures)
    assert lines == (count if streaming else 0)


def rate(quick: bool) -> None:
    count, rounds = (50, 2) if quick else (400, 9)
    measured: dict[str, Callable[[], object]] = {
        "bare Popen, output off": lambda: bare(count, subprocess.DEVNULL),
        "launchpad, output off": lambda: ours(count, streaming=False),
        "bare Popen, output captured": lambda: bare(count, subprocess.PIPE),
        "launchpad, whole lines streamed": lambda: ours(count, streaming=True),
    }
    results = interleaved({name: _rate(work, count) for name, work in measured.items()}, rounds)
    print_rates(f"/bin/echo from {WORKERS} workers", results, "runs/s")


def _rate(work: Callable[[], object], count: int) -> Callable[[], float]:
    return lambda: rate_of(work, count)


def parent(quick: bool) -> None:
    """The same from a process that holds 1 GB."""
    ballast = bytearray(os.urandom(1024)) * (1024 * (64 if quick else 1024))
    print(f"\nWith {resident_memory() / 1e6:.0f} MB resident:", end="")
    rate(quick)
    del ballast


def latency(quick: bool) -> None:
    """From a child's death to the future's result: each of 8 sleepers in flight is killed in its turn."""
    count = 40 if quick else 400
    launcher = SubprocessLauncher(stream_output=False)
    took: list[float] = []
    with LaunchExecutor(launcher, WORKERS) as executor:
        futures = executor.launch_all(Run(command=["sleep", "600"]) for _ in range(count))
        for future in futures:
            pid = int(future.wait_started().id.partition("@")[0])
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            assert future.result() is False
            took.append((time.perf_counter() - began) * 1000)
    print("\nFrom a child's death (SIGKILL is sent) to the future's result")
    print(f"  median {statistics.median(took):.2f} ms, p99 {percentile(took, 99):.2f} ms, longest {max(took):.2f} ms")


def flight(quick: bool) -> None:
    """500 sleeping runs in flight: threads, memory and descriptors, during and after."""
    count = 50 if quick else 500
    launcher = SubprocessLauncher(stream_output=False)
    launcher.submit(Run(command=["true"]))
    before = (threads(), resident_memory(), descriptors())
    with LaunchExecutor(launcher, count) as executor:
        futures = executor.launch_all(Run(command=["sleep", "600"]) for _ in range(count))
        for future in futures:
            future.wait_started()
        during = (threads(), resident_memory(), descriptors())
        for future in futures:
            future.cancel()
        wait(futures)
    print(f"\n{count} sleeping runs in flight, {count} workers")
    print(f"  threads beyond the workers {during[0] - before[0] - count}, after the end {threads() - before[0]}")
    print(f"  resident memory a run      {(during[1] - before[1]) / count / 1000:.0f} KB")
    print(
        f"  descriptors a run          {(during[2] - before[2]) / count:.1f}, after the end {descriptors() - before[2]}"
    )


def stream(quick: bool) -> None:
    """1 GB of lines of 80 bytes, counted by a callback and by a bare loop over the pipe."""
    megabytes, rounds = (20, 1) if quick else (1000, 3)
    script = (
        f"import sys\nlines = (b'x' * 79 + b'\\n') * 12500\nfor _ in range({megabytes}): sys.stdout.buffer.write(lines)"
    )
    command = [sys.executable, "-c", script]

    def count(text: bool) -> None:
        options = {"encoding": "utf-8", "errors": "replace"} if text else {}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options) as process:
            assert sum(1 for _ in process.stdout) == megabytes * 12500

    def ours() -> None:
        lines = 0

        def on_output(run: Run, line: str) -> None:
            nonlocal lines
            lines += 1

        assert SubprocessLauncher().submit(Run(command=command), on_output=on_output)
        assert lines == megabytes * 12500

    measured: dict[str, Callable[[], object]] = {
        "bare loop over the pipe, text": lambda: count(True),
        "bare loop over the pipe, bytes": lambda: count(False),
        "launchpad, on_output": ours,
    }
    results = interleaved({name: _rate(work, megabytes) for name, work in measured.items()}, rounds)
    print_rates(f"{megabytes} MB of lines", results, "MB/s")


def import_time(quick: bool) -> None:
    """`import launchpad` against what it stands on, each in a fresh interpreter."""

    def milliseconds(what: str) -> float:
        code = f"import time; t = time.perf_counter(); import {what}; print((time.perf_counter() - t) * 1000)"
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)

    results = interleaved(
        {
            "attrs, subprocess, c.f.thread": lambda: milliseconds("attrs, subprocess, concurrent.futures.thread"),
            "launchpad": lambda: milliseconds("launchpad"),
        },
        3 if quick else 21,
    )
    print_rates("Import time", results, "ms")


SCENARIOS = {
    "rate": rate,
    "parent": parent,
    "latency": latency,
    "flight": flight,
    "stream": stream,
    "import": import_time,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="few rounds of little: whether it runs, not how fast")
    arguments = parser.parse_args()
    if unknown := set(arguments.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    for name in arguments.scenarios or SCENARIOS:
        SCENARIOS[name](arguments.quick)


if __name__ == "__main__":
    main()
