"""Detached runs whose starter is killed: another process finds each, and gets its exit status and every line once.

`python benchmarks/orphans.py docker --runs 300 --set image=busybox:1`. Starters are killed at random moments, one after
the other, and their runs are waited for and removed, until that many runs were found. `--at-once` bounds the runs of
one starter: a small cluster needs it. Exits with 1 if a status is wrong, or a line is lost or repeated.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from launchpad import Handle, Launcher, LaunchError, Listed, Reason, Run
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


def faults_of(launcher: Launcher, run: Listed) -> list[str]:
    """Waits for a run, reads its output, and compares both with what they should be."""
    expected, faults = status_of(run.name), []
    try:
        outcome = launcher.wait(run.handle, on_output=lambda run, line: None)
        lines = list(launcher.logs(run.handle, follow=True))
    except LaunchError as error:
        return [f"{run.name}: {error}"]
    if outcome.exit_code != expected or outcome.ok is not (expected == 0):
        faults.append(f"{run.name}: {outcome.reason} with status {outcome.exit_code}, not {expected}")
    if lines != [f"{run.name} {number}" for number in range(LINES)]:
        faults.append(f"{run.name}: {len(lines)} lines, {len(set(lines))} of them different, not {LINES}")
    return faults


@dataclass
class Report:
    """What was found so far."""

    starters: int = 0
    started: int = 0
    found: int = 0
    unstarted: int = 0
    removed: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.starters} starters killed, {self.started} starts reported, {self.found} runs found and "
            f"{self.unstarted} that were never started; {self.found - len(self.faults)} with a true status and "
            f"every line once, {len(self.faults)} faults; {self.removed} removed"
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("launcher")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=300)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--start", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    cls = lookup_launcher(options.launcher)
    with cls(**settings(options.settings, cls)) as launcher:
        if options.start:
            batch, first, last = options.start
            start(launcher, batch, int(first), int(last))
            return 0
        batch, began, report, first = f"orphan-{uuid.uuid4().hex[:8]}", time.monotonic(), Report(), 0
        while report.found < options.runs:
            last = first + min(options.at_once, options.runs - report.found)
            started = start_and_kill(arguments, batch, first, last)
            if not started:
                sys.exit("a starter could not start anything: see its error above")
            examine(launcher, batch, started, report)
            print(f"{time.monotonic() - began:.0f} s, {launcher.type}: {report}", flush=True)
            first = last
        print("\n".join(report.faults[:20]))
        return 1 if report.faults else 0


def examine(launcher: Launcher, batch: str, started: list[str], report: Report) -> None:
    """Waits for the runs that a starter has left, compares them with what they should be, and removes them."""
    runs = runs_of(launcher, batch)
    unstarted = [run for run in runs if run.outcome is not None and run.outcome.reason is Reason.NEVER_STARTED]
    runs = [run for run in runs if run not in unstarted]
    with ThreadPoolExecutor(WORKERS) as pool:
        for faults in pool.map(lambda run: faults_of(launcher, run), runs):
            report.faults += faults
    report.faults += [f"{name}: not found" for name in sorted(set(started) - {run.name for run in runs})]
    report.starters += 1
    report.started += len(started)
    report.found += len(runs)
    report.unstarted += len(unstarted)
    report.removed += reap(launcher, batch)


def runs_of(launcher: Launcher, batch: str) -> list[Listed]:
    """The runs of this benchmark: others may have runs on the engine."""
    return [run for run in launcher.list_runs() if run.name.startswith(f"{batch}-")]


def reap(launcher: Launcher, batch: str) -> int:
    """Removes the runs of the benchmark that `reap` would remove."""
    ours: set[Handle] = {run.handle for run in runs_of(launcher, batch)}
    chosen = ours & set(launcher.reap(dry_run=True))
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(launcher.remove, chosen))
    return len(chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
