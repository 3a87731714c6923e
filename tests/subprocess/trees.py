"""Grows process trees that try to escape, ends each in one of several ways, and reports what has survived.

    python -m tests.subprocess.trees COUNT SEED

It runs in the sandbox, whose cgroup has all descendants, wherever they went.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from launchpad import LaunchExecutor, Outcome, Run, SubprocessLauncher
from tests.subprocess.sandbox import members

NODE = r"""
import ctypes, os, signal, sys, time
def grow(plan):
    trait, *children = plan
    for child in children:
        if os.fork() == 0:
            if child[0] == "double fork":
                os.setsid()
                if os.fork():
                    os._exit(0)
            grow(child)
    if trait == "session":
        try:
            os.setsid()
        except OSError:
            pass
    elif trait == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif trait == "closed":
        os.closerange(0, 64)
    elif trait == "renamed":
        ctypes.CDLL(None).prctl(15, b"somebody", 0, 0, 0)
    elif trait == "storm":
        while True:
            try:
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(0.01)
                    if os.fork():
                        os._exit(0)
                    time.sleep(600)
            except OSError:
                time.sleep(0.001)
    time.sleep(600)
plan = eval(sys.argv[1])
os.write(1, b"growing\n")
grow(plan)
"""

TRAITS = ("session", "double fork", "deaf", "closed", "renamed", "plain")


def plan(rng: random.Random, depth: int) -> tuple[object, ...]:
    """A tree of traits, at most `depth` levels deep."""
    if depth == 0:
        return (rng.choice(TRAITS),)
    return (rng.choice(TRAITS), *(plan(rng, depth - 1) for _ in range(rng.randrange(1, 3))))


def end(rng: random.Random, tree: tuple[object, ...]) -> Outcome:
    """Launches a tree and ends it by a cancellation or a time-out, at a random moment."""
    timeout = rng.choice((None, rng.uniform(0.05, 0.5)))
    grown: list[str] = []
    with LaunchExecutor(SubprocessLauncher(grace=0.2), 1) as executor:
        run = Run(command=[sys.executable, "-I", "-S", "-c", NODE, repr(tree)], timeout=timeout)
        future = executor.submit(run, on_output=lambda _, line: grown.append(line))
        if timeout is None:
            future.wait_started(60)
            time.sleep(rng.uniform(0, 0.4))
            future.cancel()
    assert future.outcome is not None
    return future.outcome


def main(count: int, seed: int) -> int:
    rng, group = random.Random(seed), Path(os.environ["TEST_CGROUP"])
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    before = set(members(group))
    failures = 0
    for number in range(count):
        storm = number % 10 == 9
        tree = ("plain", ("storm",)) if storm else plan(rng, rng.randrange(1, 4))
        outcome = end(rng, tree)
        left = set(members(group)) - before
        if left or stranger.poll() is not None or outcome.ok:
            print(number, tree, outcome.reason, {pid: Path(f"/proc/{pid}/stat").read_text()[:60] for pid in left})
            failures += 1
    stranger.kill()
    stranger.wait()
    print(f"{count} trees, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
