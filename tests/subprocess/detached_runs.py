"""Starts detached runs in processes that are killed at random moments, and waits for the runs in this process.

    python -m tests.subprocess.detached_runs COUNT SEED

It prints how many had their true exit status and every line once, and how long a start took.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from launchpad import Listed, SubprocessLauncher

STARTER = """
import random, sys, time
from launchpad import Run, SubprocessLauncher
launcher, rng = SubprocessLauncher(), random.Random(sys.argv[1])
script = "i=0; while [ $i -lt $1 ]; do echo line $i; i=$((i+1)); done; sleep 0.$3; exit $2"
while True:
    lines, code = rng.randrange(200), rng.randrange(256)
    command = ["sh", "-c", script, "sh", str(lines), str(code), str(rng.randrange(10))]
    began = time.monotonic()
    launcher.start(Run(command=command, name=f"{lines} {code}"))
    print(time.monotonic() - began, flush=True)
"""


def start_some(rng: random.Random) -> list[float]:
    """Has another process start runs, and kills it at a random moment. Returns how long the starts took."""
    command = [sys.executable, "-c", STARTER, str(rng.random())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as starter:
        assert starter.stdout is not None
        first = starter.stdout.readline()
        time.sleep(rng.uniform(0, 1.0))
        os.killpg(starter.pid, signal.SIGKILL)
        return [float(line) for line in (first + starter.stdout.read()).splitlines()]


def is_true(launcher: SubprocessLauncher, run: Listed) -> bool:
    """Waits for a run; whether its exit status and its lines are those that its name has."""
    lines: list[str] = []
    count, code = map(int, run.name.split())
    outcome = launcher.wait(run.handle, on_output=lambda _, line: lines.append(line))
    launcher.remove(run.handle)
    if (outcome.exit_code, lines) == (code, [f"line {number}" for number in range(count)]):
        return True
    print(run, outcome, lines)
    return False


def main(count: int, seed: int) -> int:
    rng, launcher, times, results = random.Random(seed), SubprocessLauncher(), list[float](), list[bool]()
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        while len(results) < count:
            times += start_some(rng)
            results += [is_true(launcher, run) for run in launcher.list_runs()[: count - len(results)]]
        for run in launcher.list_runs():
            is_true(launcher, run)
    median = statistics.median(times) * 1000
    print(f"a start took {median:.0f} ms (median of {len(times)})")
    print(f"{sum(results)} of {count} runs have their true exit status and every line once")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
