"""Kills the driver of a batch at random moments, begins the batch again, and counts how often each item was executed.

    python -m tests.journal.killed_drivers ITEMS KILLS [subprocess | docker | kubernetes] [SEED]

Each item appends its number to a file; on Kubernetes, the Jobs of the batch are counted. The last line is "exactly
once", or says what was executed or recorded otherwise.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from launchpad import DockerLauncher, Journal, KubernetesLauncher, Launcher, LaunchExecutor, Run, SubprocessLauncher
from launchpad.journal.entry import Entry
from launchpad.journal.store import read_entries

WORKERS = 8
IMAGE = os.environ.get("CASE_IMAGE", "busybox:1")


def launcher_of(kind: str, folder: Path) -> Launcher:
    if kind == "docker":
        return DockerLauncher(image=IMAGE, volumes=[f"{folder}:/ran"], auto_remove=True)
    if kind == "kubernetes":
        return KubernetesLauncher(image=IMAGE, namespace=os.environ.get("CASE_NAMESPACE"))
    return SubprocessLauncher()


def runs_of(kind: str, folder: Path, items: int) -> list[Run]:
    file = {"docker": "/ran/ran", "kubernetes": "/dev/null"}.get(kind, str(folder / "ran"))
    script = f"echo $1 >> {file}; sleep 0.$2"
    return [Run(command=["sh", "-c", script, "sh", str(n), str(n % 4)], name=f"item-{n}") for n in range(items)]


def drive(kind: str, folder: Path, items: int) -> None:
    """The driver: it launches the batch to its end."""
    journal = Journal(folder / "journal")
    with launcher_of(kind, folder) as launcher, LaunchExecutor(launcher, WORKERS, journal=journal) as executor:
        for future in executor.launch_all(runs_of(kind, folder, items), on_output=lambda run, line: None):
            future.result()


def begin(kind: str, folder: Path, items: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.journal.killed_drivers", "drive", kind, str(folder), str(items)]
    return subprocess.Popen(command)


def kill_some(rng: random.Random, kind: str, folder: Path, items: int, kills: int) -> int:
    """Kills drivers, at moments from the start to the end of a driver that gets its share of the items done.

    Returns how many were alive then.
    """
    share, killed = 2.0, 0
    for _ in range(kills):
        began = time.monotonic()
        with begin(kind, folder, items) as driver:
            try:
                driver.wait(rng.uniform(0, share))
            except subprocess.TimeoutExpired:
                driver.kill()
                killed += 1
        done = len(recorded(folder))
        if done < items * killed / kills and time.monotonic() - began > share / 2:
            share *= 1.2  # too few are done before the kills
    with begin(kind, folder, items) as driver:
        assert driver.wait(3600) == 0, "the last driver has failed"
    return killed


def recorded(folder: Path) -> list[Entry]:
    return list(read_entries(str(folder / "journal"))) if (folder / "journal").exists() else []


def executed(kind: str, folder: Path, entries: list[Entry]) -> Counter[str]:
    """How often each item was executed."""
    if kind != "kubernetes":
        return Counter(f"item-{line}" for line in (folder / "ran").read_text().split())
    with launcher_of(kind, folder) as launcher:
        ids = {entry.run_id for entry in entries}
        ours = [run for run in launcher.list_runs() if run.run_id in ids]
        for run in ours:
            launcher.remove(run.handle)
    return Counter(run.name for run in ours)


def main(items: int, kills: int, kind: str = "subprocess", seed: int = 0) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        killed = kill_some(random.Random(seed), kind, folder, items, kills)
        entries = recorded(folder)
        counts = executed(kind, folder, entries)
        wrong = {name: count for name, count in counts.items() if count != 1}
        failed = [entry.name for entry in entries if entry.outcome is None or not entry.outcome.ok]
        print(f"{items} items on {kind}, {killed} of {kills} drivers killed, seed {seed}")
        if wrong or failed or len(counts) != items or len(entries) != items:
            print(f"executed otherwise: {wrong}, not ok: {failed}, executed {len(counts)}, recorded {len(entries)}")
            return 1
    print("exactly once")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "drive":
        drive(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:5])))
