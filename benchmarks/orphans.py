"""Detached runs whose starter is killed: another process finds each, and gets its exit status and every line once.

`python benchmarks/orphans.py docker --runs 300 --set image=busybox:1`. Starters are killed at random moments, one after
the other, until that many runs are there. Exits with 1 if a status is wrong, or a line is lost or repeated.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from launchpad import Handle, Launcher, Listed, Outcome, Reason, Run
from launchpad.cli.arguments import settings
from launchpad.launcher import lookup_launcher

LINES = 50
STATUSES = 7
WORKERS = 8
RUN_SECONDS = 2
"""Seconds that a run takes, so that most outlive their starter."""

SCRIPT = "i=0; while [ $i -lt {lines} ]; do echo {name} $i; i=$((i+1)); done; sleep {seconds}; exit {status}"


def status_of(name: str) -> int:
    return int(name.rpartition("-")[2]) % STATUSES


def run_of(name: str) -> Run:
    script = SCRIPT.format(lines=LINES, name=name, seconds=RUN_SECONDS, status=status_of(name))
    return Run(command=["sh", "-c", script], name=name, timeout=600)


def start(launcher: Launcher, batch: str, first: int, last: int) -> None:
    """Starts the runs, and prints the name of each once it is started."""

    def start_one(number: int) -> None:
        name = f"{batch}-{number}"
        launcher.start(run_of(name))
        print(f"{name}\n", end="", flush=True)  # in one piece: threads print at the same time

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(start_one, range(first, last)))


def start_and_kill(arguments: list[str], batch: str, first: int, last: int) -> list[str]:
    """Has another process start runs, kills it at a random moment, and returns the names of those it has started."""
    command = [sys.executable, __file__, *arguments, "--start", batch, str(first), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        wanted = random.randint(1, last - first)
        names = [line.strip() for line, _ in zip(starter.stdout, range(wanted), strict=False)]
        time.sleep(random.uniform(0, 0.2))
        starter.kill()
        return names + [line.strip() for line in starter.stdout if line.endswith("\n")]


def lines_of(launcher: Launcher, run: Listed) -> list[str]:
    return list(launcher.logs(run.handle, follow=True))


def faults_of(run: Listed, outcome: Outcome, lines: list[str]) -> list[str]:
    faults = []
    if outcome.exit_code != status_of(run.name) or outcome.ok is not (status_of(run.name) == 0):
        faults.append(f"{run.name}: {outcome.reason} with status {outcome.exit_code}, not {status_of(run.name)}")
    if lines != [f"{run.name} {number}" for number in range(LINES)]:
        faults.append(f"{run.name}: {len(lines)} lines, {len(set(lines))} of them different, not {LINES}")
    return faults


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("launcher")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--start", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    cls = lookup_launcher(options.launcher)
    with cls(**settings(options.settings, cls)) as launcher:
        if options.start:
            batch, first, last = options.start
            start(launcher, batch, int(first), int(last))
            return 0
        return examine(launcher, arguments, options.runs)


def examine(launcher: Launcher, arguments: list[str], count: int) -> int:
    batch, began, started, starters = f"orphan-{uuid.uuid4().hex[:8]}", time.monotonic(), list[str](), 0
    first = 0
    while len(started) < count:
        last = first + max(WORKERS, count - len(started))
        started += start_and_kill(arguments, batch, first, last)
        first, starters = last, starters + 1
    runs = [run for run in launcher.list_runs() if run.name.startswith(f"{batch}-")]
    unstarted = [run for run in runs if run.outcome is not None and run.outcome.reason is Reason.NEVER_STARTED]
    runs = [run for run in runs if run not in unstarted]
    lost = set(started) - {run.name for run in runs}
    with ThreadPoolExecutor(WORKERS) as pool:
        outcomes = list(pool.map(lambda run: launcher.wait(run.handle, on_output=lambda run, line: None), runs))
        lines = list(pool.map(lambda run: lines_of(launcher, run), runs))
    faults = [fault for each in zip(runs, outcomes, lines, strict=True) for fault in faults_of(*each)]
    faults += [f"{name}: not found" for name in sorted(lost)]
    reaped = reap(launcher, batch)
    print("\n".join(faults[:20]))
    print(
        f"{launcher.type}: {starters} starters killed, {len(started)} starts reported, {len(runs)} runs found "
        f"and {len(unstarted)} that were never started; {len(runs) - len(faults)} with a true status and every line "
        f"once, {len(faults)} faults; {reaped} removed; {time.monotonic() - began:.0f} s"
    )
    return 1 if faults else 0


def reap(launcher: Launcher, batch: str) -> int:
    """Removes the runs of the batch, as `reap` would: others may have runs on the engine."""
    ours: set[Handle] = {run.handle for run in launcher.list_runs() if run.name.startswith(f"{batch}-")}
    chosen = ours & set(launcher.reap(dry_run=True))
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(launcher.remove, chosen))
    return len(chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
