"""Runs that are cancelled or interrupted at any moment on a real engine: no container is left."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from concurrent.futures import wait

import pytest

from launchpad import LaunchExecutor, Reason
from tests.helping import interrupted

from .conftest import LABEL, Launch, sh

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

SCRIPT = """
import sys
from launchpad import DockerLauncher, LaunchExecutor, Run

launcher = DockerLauncher(image="busybox:1", network_mode="none", auto_remove=True, grace=1,
                          labels={{{label!r}: {mark!r}}})
with launcher, LaunchExecutor(launcher, 10) as executor:
    futures = executor.launch_all(Run(command=["sleep", "600"]) for _ in range(60))
    for future in futures[:10]:
        future.wait_started()
    print("started", flush=True)
    for future in futures:
        future.result()
"""


def test_ctrl_c_with_10_running_and_50_queued_leaves_nothing(mark: str) -> None:
    script = SCRIPT.format(label=LABEL, mark=mark)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        with interrupted(process.pid):
            _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_200_runs_cancelled_at_random_moments_all_end_cancelled(make: Launch) -> None:
    launcher = make(auto_remove=True, grace=0)
    chance = random.Random(7)
    with LaunchExecutor(launcher, 16) as executor:
        futures = executor.launch_all(sh("sleep 600") for _ in range(200))
        timers = [threading.Timer(chance.uniform(0, 8), future.cancel) for future in futures]
        for timer in timers:
            timer.start()
        done, not_done = wait(futures, timeout=200)
    assert not not_done
    assert all(future.cancelled() for future in done)
    assert {future.outcome.reason for future in futures if future.outcome} == {Reason.STOPPED}


def test_a_cancelled_run_gets_sigterm_before_sigkill(make: Launch) -> None:
    launcher = make(auto_remove=True, grace=30)
    lines: list[str] = []
    ready = threading.Event()

    def take(run: object, line: str) -> None:
        lines.append(line)
        ready.set()

    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(sh("trap 'echo bye; exit 0' TERM; echo ready; sleep 600 & wait"), on_output=take)
        assert ready.wait(60)
        assert future.cancel() is True
    assert (lines, future.cancelled()) == (["ready", "bye"], True)
