"""Stopping a run: SIGTERM, then SIGKILL, by any thread, launcher or process, at any moment."""

from __future__ import annotations

import gc
import random
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait

import pytest

from launchpad import Handle, Launcher, LaunchExecutor, Reason, Run
from tests.helping import RESEND_INTERVAL, RecordedLines, in_thread, interrupted, interrupts

from .conftest import Start
from .harness import End, Harness, UntilStopped
from .helping import LONG, other_process


def test_a_run_that_obeys_sigterm_may_write_before_it_ends(harness: Harness) -> None:
    recorded, handles = RecordedLines(), []
    with harness.launcher(grace=LONG) as launcher:
        launched = in_thread(
            launcher.launch, harness.run([UntilStopped(status=0)]), on_start=handles.append, on_output=recorded
        )
        recorded.wait_for("ready")
        launcher.stop(handles[0])
        outcome = launched.result(LONG)
    assert (outcome.ok, outcome.reason) == (False, Reason.STOPPED)
    assert recorded.lines == ["ready", "bye"]


def test_a_run_that_ignores_sigterm_is_killed_after_the_grace(harness: Harness, launcher: Launcher) -> None:
    recorded, handles = RecordedLines(), []
    launched = in_thread(
        launcher.launch, harness.run([UntilStopped(obeys=False)]), on_start=handles.append, on_output=recorded
    )
    recorded.wait_for("ready")
    started_at = time.monotonic()
    launcher.stop(handles[0])
    assert time.monotonic() - started_at >= launcher.grace
    assert launched.result(LONG).reason is Reason.STOPPED


def test_a_timeout_kills_a_run_that_ignores_sigterm(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([UntilStopped(obeys=False)], timeout=0.2))
    assert outcome.reason is Reason.TIMED_OUT


def test_stopping_twice_keeps_the_outcome(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    launcher.stop(handle)
    outcome = launcher.wait(handle, timeout=0)
    launcher.stop(handle)
    assert launcher.wait(handle) == outcome
    assert outcome.reason is Reason.STOPPED


def test_stopping_an_ended_run_keeps_its_outcome(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([End(2)]))
    outcome = launcher.wait(handle)
    launcher.stop(handle)
    assert launcher.wait(handle) == outcome
    assert outcome.reason is Reason.FAILED


def test_stopping_a_removed_run_succeeds(harness: Harness, launcher: Launcher) -> None:
    handle = launcher.start(harness.run([]))
    launcher.wait(handle)
    launcher.remove(handle)
    assert launcher.stop(handle) is None


def test_several_threads_may_stop_the_same_run(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    for stop in [in_thread(launcher.stop, handle) for _ in range(5)]:
        stop.result(LONG)
    assert launcher.wait(handle, timeout=0).reason is Reason.STOPPED


def test_another_launcher_may_stop_a_run_that_this_one_follows(harness: Harness, launcher: Launcher) -> None:
    recorded, handles = RecordedLines(), []
    launched = in_thread(launcher.submit, harness.run([UntilStopped()]), on_start=handles.append, on_output=recorded)
    recorded.wait_for("ready")
    with harness.launcher() as other:
        other.stop(handles[0])
    assert launched.result(LONG) is False


def test_on_output_may_stop_its_own_run(harness: Harness, launcher: Launcher) -> None:
    handles: list[Handle] = []
    outcome = launcher.launch(
        harness.run([UntilStopped()]),
        on_start=handles.append,
        on_output=lambda run, line: launcher.stop(handles[0]),
    )
    assert outcome.reason is Reason.STOPPED


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__)
def test_an_exit_raised_by_on_output_stops_the_run_and_is_passed_on(
    harness: Harness, launcher: Launcher, error: type[BaseException]
) -> None:
    def fail(run: Run, line: str) -> None:
        raise error("on purpose")

    with pytest.raises(error, match="on purpose"):
        launcher.submit(harness.run([UntilStopped()]), on_output=fail)
    assert harness.leftovers() == []


def test_a_running_future_is_cancelled_by_stopping_its_run(harness: Harness, launcher: Launcher) -> None:
    with LaunchExecutor(launcher) as executor:
        future = executor.submit(harness.run([UntilStopped(status=0)]))
        future.wait_started(LONG)
        assert future.cancel() is True
        with pytest.raises(CancelledError):
            future.result(LONG)
    assert (future.cancelled(), future.outcome.reason) == (True, Reason.STOPPED)
    assert harness.leftovers() == []


def test_a_queued_future_that_is_cancelled_starts_no_run(harness: Harness, launcher: Launcher) -> None:
    started: list[Handle] = []
    with LaunchExecutor(launcher, max_workers=1) as executor:
        running = executor.submit(harness.run([UntilStopped()]))
        queued = executor.submit(harness.run([]), on_start=started.append)
        assert (queued.cancel(), queued.cancelled()) == (True, True)
        running.cancel()
    assert started == []


def test_cancelling_at_any_moment_leaves_nothing(harness: Harness, launcher: Launcher) -> None:
    with LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(harness.run([UntilStopped()]) for _ in range(min(harness.many, 50)))
        for future in random.sample(futures, len(futures)):
            threading.Event().wait(random.uniform(0, 2 * harness.start_takes))
            assert future.cancel()
        wait(futures, LONG)
    assert [future.cancelled() for future in futures] == [True] * len(futures)
    assert harness.leftovers() == []


def test_leaving_the_executor_by_an_error_stops_its_runs(harness: Harness, launcher: Launcher) -> None:
    def fail(executor: LaunchExecutor) -> None:
        with executor:
            running = executor.submit(harness.run([UntilStopped()]))
            futures.extend([running, executor.submit(harness.run([]))])
            running.wait_started(LONG)
            raise ZeroDivisionError

    futures: list[object] = []
    with pytest.raises(ZeroDivisionError):
        fail(LaunchExecutor(launcher, max_workers=1))
    assert [future.cancelled() for future in futures] == [True, True]
    assert harness.leftovers() == []


@pytest.fixture
def collected() -> Iterator[None]:
    """Collects the sockets of interrupted calls without a warning.

    An interrupt may come between the creation of a socket and the `try` after it; then the garbage collector closes it.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.usefixtures("collected")
def test_an_interrupt_at_any_moment_leaves_nothing(harness: Harness, launcher: Launcher) -> None:
    for _ in range(min(harness.many, 30)):
        delay = random.uniform(0.0001, 2 * harness.start_takes)
        with pytest.raises(KeyboardInterrupt), interrupts(delay):
            launcher.submit(harness.run([UntilStopped()]))
    assert harness.leftovers() == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.usefixtures("collected")
def test_a_second_interrupt_kills_the_run(harness: Harness) -> None:
    recorded = RecordedLines()

    def ready(run: Run, line: str) -> None:
        recorded(run, line)
        signal.setitimer(signal.ITIMER_REAL, 0.001, RESEND_INTERVAL)

    with harness.launcher(grace=LONG) as launcher:
        started_at = time.monotonic()
        with pytest.raises(KeyboardInterrupt), interrupts(LONG, 0.2):
            launcher.submit(harness.run([UntilStopped(obeys=False)]), on_output=ready)
        assert time.monotonic() - started_at < LONG
    assert harness.leftovers() == []


@pytest.mark.needs("other_processes")
def test_ctrl_c_in_another_process_leaves_nothing(harness: Harness) -> None:
    with other_process(harness, "submit") as other:
        assert other.stdout.readline() == "ready\n"
        with interrupted(other.pid):
            assert other.communicate(timeout=LONG)[0].splitlines()[-1] == '"interrupted"'
    assert harness.leftovers() == []
