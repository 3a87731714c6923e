"""Grows process trees that try to escape, ends each in one of several ways, and reports what has survived.

A tree is ended by a cancellation, by a time-out, or by a SIGKILL of the process that has launched it.

    python -m tests.subprocess.trees COUNT SEED

It runs in the sandbox, whose cgroup has all descendants, wherever they went.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from launchpad import LaunchExecutor, Run, SubprocessLauncher
from tests.helping import eventually
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


STARTER = """
import sys
from launchpad import Run, SubprocessLauncher
SubprocessLauncher(grace=0.2).launch(
    Run(command=sys.argv[1:]), on_start=lambda handle: print(handle.id, flush=True), on_output=lambda *line: None
)
"""


def grow(tree: tuple[object, ...]) -> list[str]:
    """The command that grows a tree."""
    return [sys.executable, "-I", "-S", "-c", NODE, repr(tree)]


def kill_starter(rng: random.Random, tree: tuple[object, ...]) -> None:
    """Launches a tree in another process, and kills that at a random moment after the start."""
    command = [sys.executable, "-c", STARTER, *grow(tree)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline()
        time.sleep(rng.uniform(0, 0.4))
        os.killpg(starter.pid, signal.SIGKILL)


def end(rng: random.Random, tree: tuple[object, ...]) -> None:
    """Launches a tree and ends it by a cancellation or a time-out, at a random moment."""
    timeout = rng.choice((None, rng.uniform(0.05, 0.5)))
    grown: list[str] = []
    with LaunchExecutor(SubprocessLauncher(grace=0.2), 1) as executor:
        run = Run(command=grow(tree), timeout=timeout)
        future = executor.submit(run, on_output=lambda _, line: grown.append(line))
        if timeout is None:
            future.wait_started(60)
            time.sleep(rng.uniform(0, 0.4))
            future.cancel()
    assert future.outcome is not None
    assert not future.outcome.ok


def main(count: int, seed: int) -> int:
    rng, group = random.Random(seed), Path(os.environ["TEST_CGROUP"])
    SubprocessLauncher().submit(Run(command=["true"]))  # starts the watchdog of this process
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    before = set(members(group))
    failures = 0
    for number in range(count):
        tree = ("plain", ("storm",)) if number % 10 == 9 else plan(rng, rng.randrange(1, 4))
        by_kill = number % 3 == 2
        (kill_starter if by_kill else end)(rng, tree)
        # The watchdog of a killed starter ends the tree after that.
        left = eventually(lambda: set(members(group)) - before, lambda left: not left, 60.0 if by_kill else 0.0)
        if left or stranger.poll() is not None:
            states = {pid: Path(f"/proc/{pid}/stat").read_text()[:60] for pid in left}
            print(number, tree, "starter killed" if by_kill else "ended", states)
            failures += 1
    stranger.kill()
    stranger.wait()
    print(f"{count} trees, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
