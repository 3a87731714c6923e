"""Stopping a run whose callback blocks: the run is gone, whatever the callback does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from launchpad import Launcher, LaunchExecutor, LaunchFuture, Reason
from tests.helping import in_thread, interrupts, until

from .harness import Harness, UntilStopped
from .helping import LONG

STOPS: dict[str, Callable[[Launcher, LaunchExecutor, LaunchFuture], object]] = {
    "cancel": lambda launcher, executor, future: future.cancel(),
    "executor.stop": lambda launcher, executor, future: executor.stop(),
    "launcher.stop": lambda launcher, executor, future: launcher.stop(future.handle),
}


class Blocking:
    """A callback that blocks until the test is over."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.release = threading.Event()

    def __call__(self, *args: object) -> None:
        self.entered.set()
        self.release.wait(10 * LONG)  # longer than any time-out of a run


@pytest.fixture
def blocking() -> Iterator[Blocking]:
    blocking = Blocking()
    yield blocking
    blocking.release.set()


@pytest.mark.parametrize("stop", STOPS)
def test_a_run_is_stopped_while_its_on_start_blocks(
    harness: Harness, launcher: Launcher, blocking: Blocking, stop: str
) -> None:
    executor = LaunchExecutor(launcher, 2)
    future = executor.submit(harness.run([UntilStopped(obeys=False)]), on_start=blocking)
    assert blocking.entered.wait(LONG)
    in_thread(STOPS[stop], launcher, executor, future).result(LONG)
    assert harness.leftovers() == []
    assert not future.done()
    blocking.release.set()
    executor.shutdown()
    assert future.outcome.reason is Reason.STOPPED


@pytest.mark.parametrize("stop", STOPS)
def test_a_run_is_stopped_while_its_on_output_blocks(
    harness: Harness, launcher: Launcher, blocking: Blocking, stop: str
) -> None:
    executor = LaunchExecutor(launcher, 2)
    future = executor.submit(harness.run([UntilStopped(obeys=False)]), on_output=blocking)
    assert blocking.entered.wait(LONG)
    in_thread(STOPS[stop], launcher, executor, future).result(LONG)
    outcome = launcher.wait(future.handle, LONG)
    assert harness.leftovers() == []
    assert not future.done()
    blocking.release.set()
    executor.shutdown()
    assert future.outcome == outcome
    assert (outcome.reason, outcome.output_complete) == (Reason.STOPPED, False)


@pytest.mark.parametrize("callback", ["on_start", "on_output"])
def test_a_time_out_stops_a_run_whose_callback_blocks(
    harness: Harness, launcher: Launcher, blocking: Blocking, callback: str
) -> None:
    executor = LaunchExecutor(launcher, 1)
    for timeout in (10 * harness.start_takes + 0.5, LONG):  # a slow engine may need more until the run writes
        run = harness.run([UntilStopped(obeys=False)], timeout=timeout)
        future = executor.submit(run, **{callback: blocking})
        until(lambda future=future: blocking.entered.is_set() or future.done(), 2 * LONG)
        if blocking.entered.is_set():
            break
    threading.Event().wait(timeout)
    assert any(harness.leftovers() == [] for _ in range(6))  # a pod that has not started takes longer to remove
    assert not future.done()
    blocking.release.set()
    executor.shutdown()
    assert future.outcome.reason is Reason.TIMED_OUT


def test_lost_output_causes_one_warning(
    harness: Harness, launcher: Launcher, blocking: Blocking, caplog: pytest.LogCaptureFixture
) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(harness.run([UntilStopped()]), on_output=blocking)
        assert blocking.entered.wait(LONG)
        executor.stop()
        blocking.release.set()
        executor.shutdown()
    assert future.cancelled()
    assert [message for message in caplog.messages if "lost" in message] == [
        "The last output of run 'conformance' is lost: it was stopped while its output was blocked"
    ]


def test_a_run_that_blocks_a_shared_lock_does_not_delay_the_stop_of_the_others(
    harness: Harness, launcher: Launcher, blocking: Blocking
) -> None:
    shared = threading.Lock()

    def on_output(*args: object) -> None:
        with shared:
            blocking()

    executor = LaunchExecutor(launcher, 4)
    for _ in range(4):
        executor.submit(harness.run([UntilStopped()]), on_output=on_output).wait_started(LONG)
    assert blocking.entered.wait(LONG)
    executor.stop()
    assert harness.leftovers() == []
    blocking.release.set()
    executor.shutdown()


def test_ctrl_c_reaches_a_main_thread_whose_callback_blocks_again_and_again(
    harness: Harness, launcher: Launcher, blocking: Blocking
) -> None:
    with pytest.raises(KeyboardInterrupt), interrupts(20 * harness.start_takes + 0.5):
        launcher.submit(harness.run([UntilStopped()]), on_output=blocking)
    assert harness.leftovers() == []


def test_a_second_ctrl_c_kills_a_run_whose_callback_blocks(harness: Harness, blocking: Blocking) -> None:
    run, first = harness.run([UntilStopped(obeys=False)]), 20 * harness.start_takes + 0.5
    with harness.launcher(grace=LONG) as launcher, pytest.raises(KeyboardInterrupt), interrupts(first, 0.5):
        launcher.submit(run, on_output=blocking)
    assert harness.leftovers() == []


def test_output_that_is_only_slow_is_passed_on_after_a_stop(harness: Harness) -> None:
    lines: list[str] = []
    slow = threading.Event()

    def on_output(run: object, line: str) -> None:
        lines.append(line)
        slow.wait(0.3)

    with harness.launcher(grace=LONG) as launcher, LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(harness.run([UntilStopped()]), on_output=on_output)
        while "ready" not in lines:
            slow.wait(0.01)
        future.cancel()
    assert lines == ["ready", "bye"]
    assert future.outcome.output_complete
