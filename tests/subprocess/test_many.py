"""Many local runs at once: what they cost, and that nothing of them is left."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from launchpad import Handle, LaunchError, LaunchExecutor, Run, SubprocessLauncher
from launchpad.core.backend import Unit
from launchpad.core.cancellation import StopToken
from launchpad.subprocess.backend import Pipes, SubprocessBackend, default_unit_factory
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.unit import open_pidfd_unit
from launchpad.subprocess.unit_threaded import ThreadedUnit
from tests.helping import children
from tests.subprocess.helping import descriptors, is_running, no_descriptors


@pytest.fixture
def quiet() -> SubprocessLauncher:
    return SubprocessLauncher(stream_output=False, grace=1)


def pid_of(future: object) -> int:
    return int(future.wait_started(30).id.partition("@")[0])


def test_runs_in_flight_cost_no_threads_but_the_workers(quiet: SubprocessLauncher) -> None:
    before, open_before = threading.active_count(), descriptors()
    with LaunchExecutor(quiet, 100) as executor:
        futures = executor.launch_all(Run(command=["sleep", "60"]) for _ in range(100))
        pids = [pid_of(future) for future in futures]
        assert threading.active_count() - before <= 100 + 3
        assert descriptors() == open_before
        for future in futures:
            future.cancel()
        wait(futures)
    assert not any(is_running(pid) for pid in pids)
    assert (threading.active_count(), descriptors()) == (before, open_before)


def test_two_hundred_runs_cancelled_at_random_moments_leave_nothing(quiet: SubprocessLauncher) -> None:
    rng = random.Random(7)
    before = descriptors()
    with LaunchExecutor(quiet, 16) as executor:
        futures = executor.launch_all(Run(command=["sleep", f"0.0{rng.randrange(10)}"]) for _ in range(200))
        chosen = futures[:]
        rng.shuffle(chosen)
        answers = {future: future.cancel() for future in chosen}
        wait(futures)
    assert all(future.cancelled() == answers[future] for future in futures)
    assert not any(is_running(pid_of(future)) for future in futures if future.handle)
    assert descriptors() == before


def test_out_of_descriptors_is_an_error_that_says_so_and_leaks_none(quiet: SubprocessLauncher) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    before = descriptors()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + 6, hard))
        held += [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
        with pytest.raises(LaunchError, match="ulimit -n"):
            quiet.launch(Run(command=["true"]), on_output=lambda _, line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in held:
            os.close(fd)
    assert descriptors() == before


def test_a_run_that_takes_the_last_descriptor_is_an_error_that_says_so_and_leaves_nothing() -> None:
    def follow(process: LocalProcess, handle: Handle, pipes: Pipes) -> Unit:
        with no_descriptors():
            return open_pidfd_unit(process, handle, pipes)

    run, before = Run(command=["sleep", "60"]), (descriptors(), *children())
    spec = SubprocessLauncher().spec(run, "sleep")
    with pytest.raises(LaunchError, match="ulimit -n"):
        SubprocessBackend(follow).start(spec, "sleep", run, output=True, stop_token=StopToken())
    assert (descriptors(), *children()) == before


def test_a_run_that_cannot_be_looked_up_for_want_of_descriptors_is_not_said_to_be_gone(
    quiet: SubprocessLauncher,
) -> None:
    handle, backend = quiet.start(Run(command=["sleep", "60"])), SubprocessBackend()
    with no_descriptors(), pytest.raises(LaunchError, match="ulimit -n"):
        backend.find(handle, output=False)
    quiet.stop(handle)
    assert not quiet.wait(handle).ok


def test_want_of_descriptors_is_not_taken_for_want_of_pidfd() -> None:
    assert default_unit_factory() is not ThreadedUnit
    with no_descriptors():
        assert default_unit_factory() is not ThreadedUnit


INTERRUPTED = """
import signal, sys
from launchpad import Run, SubprocessLauncher
print("up", flush=True)
launcher = SubprocessLauncher(grace=5)
launcher.submit(Run(command=["sh", "-c", "trap 'echo polite; exit' TERM; echo $$; while :; do sleep 0.05; done"]))
"""


def test_ctrl_c_in_a_script_stops_the_run_politely(tmp_path: Path) -> None:
    script = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert script.stdout.readline() == "up\n"
    pid = int(script.stdout.readline())
    script.send_signal(signal.SIGINT)
    _, errors = script.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert script.returncode == -signal.SIGINT
    assert not is_running(pid)


INTERRUPTED_ANYWHERE = """
import os, random, signal
from launchpad import Run, SubprocessLauncher

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
launcher, rng, interrupts = SubprocessLauncher(grace=5), random.Random(3), 0
launcher.submit(Run(command=["true"]))
before = len(os.listdir("/proc/self/fd"))
for _ in range(150):
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-6 + rng.random() * 0.004)
        launcher.submit(Run(command=["sleep", "3"], name="interrupted", env={"MARK": "interrupted"}))
    except KeyboardInterrupt:
        interrupts += 1
children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
print(interrupts > 100, children, len(os.listdir("/proc/self/fd")) - before)
"""


def test_an_interrupt_at_any_moment_of_a_launch_leaves_no_process_and_no_descriptor() -> None:
    script = subprocess.run([sys.executable, "-c", INTERRUPTED_ANYWHERE], capture_output=True, text=True, timeout=120)
    assert script.stdout == "True [] 0\n", script.stderr
