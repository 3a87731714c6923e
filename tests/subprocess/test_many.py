"""Many local runs at once, and interrupts at any moment: what they cost, and that they leave nothing behind."""

from __future__ import annotations

import random
import threading
from concurrent.futures import wait

from launchpad import LaunchExecutor, Run, SubprocessLauncher
from tests.helping import channels, eventually, is_running, opened_since
from tests.subprocess.helping import pid_of, run_python


def test_runs_in_flight_cost_no_descriptors_and_no_threads_but_the_workers(quiet: SubprocessLauncher) -> None:
    before, open_before = {*threading.enumerate()}, {*channels()}
    with LaunchExecutor(quiet, 300) as executor:
        futures = executor.launch_all(Run(command=["sleep", "60"]) for _ in range(300))
        pids = [pid_of(future.wait_started(30)) for future in futures]
        assert len({*threading.enumerate()} - before) <= 300 + 3
        assert not opened_since(open_before)
        assert all(future.cancel() for future in futures)
        wait(futures)
        assert all(future.cancelled() for future in futures)
    assert not any(is_running(pid) for pid in pids)
    assert not eventually(lambda: {*threading.enumerate()} - before, lambda left: not left)
    assert not opened_since(open_before)


def test_two_hundred_runs_cancelled_at_random_moments_leave_nothing(quiet: SubprocessLauncher) -> None:
    rng, before = random.Random(7), {*channels()}
    with LaunchExecutor(quiet, 16) as executor:
        futures = executor.launch_all(Run(command=["sleep", f"0.0{rng.randrange(10)}"]) for _ in range(200))
        answers = {future: future.cancel() for future in rng.sample(futures, len(futures))}
        wait(futures)
    assert all(future.cancelled() == answers[future] for future in futures)
    assert not any(is_running(pid_of(future.handle)) for future in futures if future.handle)
    assert not opened_since(before)


INTERRUPTED_ANYWHERE = """
import os, random, signal
from launchpad import Run, SubprocessLauncher
from tests.helping import channels, opened_since

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
launcher, rng, interrupts = SubprocessLauncher(grace=5), random.Random(3), 0
launcher.submit(Run(command=["true"]))
before = [*channels()]
for _ in range(150):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-6 + rng.random() * 0.004)
        launcher.submit(Run(command=["sleep", "3"], name="interrupted", env={"MARK": "interrupted"}))
    except KeyboardInterrupt:
        interrupts += 1
with open(f"/proc/self/task/{os.getpid()}/children") as file:
    children = file.read().split()
print(interrupts > 100, children, opened_since(before))
"""


def test_an_interrupt_at_any_moment_of_a_launch_leaves_no_process_and_no_descriptor() -> None:
    script = run_python(INTERRUPTED_ANYWHERE)
    assert script.stdout == "True [] set()\n", script.stderr
