"""Brute repetition: whatever happens when, every future ends, and they all agree with what was said of them."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Reason, Run, SubprocessLauncher
from launchpad.testing import FakeBackend, FakeLauncher, FakeRun, Script
from tests.helping import all_done

from .helping import jobs


def agree(future: LaunchFuture, said: bool) -> bool:
    """Whether the future is what cancel() said of it, and consistent in itself."""
    stopped = future.outcome is not None and future.outcome.reason is Reason.STOPPED
    return future.done() and not future.running() and future.cancelled() == said == stopped


def cancel_at_random(futures: list[LaunchFuture], moments: random.Random, most: float) -> dict[LaunchFuture, bool]:
    """Cancels all, from four threads, each at a moment within `most` seconds; what cancel() said."""
    due = sorted((time.monotonic() + moments.uniform(0, most), number) for number in range(len(futures)))
    said: dict[LaunchFuture, bool] = {}
    never = threading.Event()

    def cancel(moment: float, number: int) -> None:
        never.wait(max(0.0, moment - time.monotonic()))
        said[futures[number]] = futures[number].cancel()

    with ThreadPoolExecutor(4) as threads:
        for moment, number in due:
            threads.submit(cancel, moment, number)
    return said


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_processes_cancelled_at_random_moments(seed: int) -> None:
    moments = random.Random(seed)
    launcher = SubprocessLauncher(stream_output=False, grace=5)
    with LaunchExecutor(launcher, 16, max_launches=moments.choice([None, 2])) as executor:
        futures = executor.launch_all(Run(command=["sleep", f"{moments.uniform(0, 0.1):.3f}"]) for _ in range(200))
        said = cancel_at_random(futures, moments, 1.0)
    assert [future for future in futures if not agree(future, said[future])] == []
    assert True in said.values()


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_scripted_runs_cancelled_at_random_moments(seed: int) -> None:
    moments = random.Random(seed)
    ends = [0, 1, None, None]

    def script(run: FakeRun) -> Script:
        return Script(exit_code=moments.choice(ends), on_stop=lambda run: run.finish(moments.choice([0, 143])))

    with LaunchExecutor(FakeLauncher(FakeBackend(script)), 8) as executor:
        futures = executor.launch_all(jobs(200))
        said = cancel_at_random(futures, moments, 0.2)
        assert all_done(*futures)
    assert [future for future in futures if not agree(future, said[future])] == []


@pytest.mark.parametrize("seed", range(10))
def test_stop_at_a_random_moment(seed: int) -> None:
    moments = random.Random(seed)
    launcher = FakeLauncher(FakeBackend(lambda run: Script(exit_code=moments.choice([0, None]))))
    executor = LaunchExecutor(launcher, 8)
    futures = executor.launch_all(jobs(100))
    futures[moments.randrange(8)].wait_started(10)
    executor.stop()
    assert [future for future in futures if not agree(future, future.cancelled())] == []
