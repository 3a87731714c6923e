"""`Launcher`: names, starts, interrupts and errors, on an engine that does what the test says."""

from __future__ import annotations

import copy
import logging
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import Any

import attrs
import pytest

from launchpad import EngineUnavailable, Handle, LaunchError, NameConflict, Run, RunNotFound
from launchpad.core.cancellation import Stopped, StopToken
from launchpad.launcher import Launcher
from launchpad.starting import OnStart
from launchpad.testing import FakeBackend, FakeLauncher, Script, ignore
from launchpad.testing.events import FakeStream
from tests.helping import QUICK_TIMEOUT, in_thread, interrupts, until

ENDLESS = Script(exit_code=None)
TAKEN = NameConflict("the name is taken")


def job(**fields: Any) -> Run:
    return Run(command=["job"], **fields)


def test_after_a_taken_name_the_next_is_tried() -> None:
    fake = FakeBackend(Script(refusals=[TAKEN, TAKEN]))
    with FakeLauncher(fake) as launcher:
        assert launcher.submit(job(name="report"))
    assert [run.name for run in fake.runs] == ["report-2"]


def test_name_conflict_is_raised_when_all_names_are_taken() -> None:
    with FakeLauncher(FakeBackend(Script(refusals=[TAKEN] * 100))) as launcher, pytest.raises(NameConflict):
        launcher.submit(job())


def test_name_conflict_is_raised_when_the_only_name_is_taken() -> None:
    class OneName(FakeLauncher):
        def names(self, run: Run) -> Iterator[str]:
            yield run.name

    with OneName(FakeBackend(Script(refusals=[TAKEN]))) as launcher, pytest.raises(NameConflict):
        launcher.submit(job())


def test_the_error_of_a_refused_start_is_raised_and_the_start_is_not_retried() -> None:
    fake = FakeBackend(Script(refusals=[LaunchError("no such image")]))
    with FakeLauncher(fake) as launcher, pytest.raises(LaunchError, match="no such image"):
        launcher.submit(job())
    assert fake.runs == []


@pytest.mark.parametrize("verb", ["submit", "start"])
def test_an_interrupt_during_the_start_waits_for_it_and_stops_the_run(verb: str) -> None:
    fake = FakeBackend(
        Script(exit_code=None, before_start=lambda stop_token: over.wait(QUICK_TIMEOUT))
    )  # and does not give up
    with FakeLauncher(fake) as launcher, pytest.raises(KeyboardInterrupt), interrupts(0.05, 0.05, 0.05) as over:
        getattr(launcher, verb)(job())
    assert [run.exit.exit_code for run in fake.runs] == [143]


def test_a_second_interrupt_during_the_start_leaves_no_run() -> None:
    class Torn(StopToken):
        def stop(self, *, hurry: bool = False) -> None:
            raise KeyboardInterrupt

    fake = FakeBackend(Script(exit_code=None, before_start=lambda stop_token: over.wait(QUICK_TIMEOUT)))
    with FakeLauncher(fake) as launcher, pytest.raises(KeyboardInterrupt), interrupts(0.05, 0.05) as over:
        launcher._launch(job(), None, None, Torn(), None)
    assert [run.exit.exit_code for run in fake.runs] == [143]


@contextmanager
def two_interrupts(calls: int) -> Iterator[OnStart]:
    """An `on_start` that Ctrl-C ends; the next one comes so many function calls after it."""
    left = count(calls - 1, -1)

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and next(left) == 0:
            raise KeyboardInterrupt

    def on_start(handle: Handle) -> None:
        sys.setprofile(profile)
        raise KeyboardInterrupt

    try:
        yield on_start
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("calls", range(1, 15))
def test_a_second_interrupt_after_the_start_leaves_no_run(calls: int) -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher, two_interrupts(calls) as on_start, pytest.raises(KeyboardInterrupt):
        launcher.submit(job(), on_start=on_start)
    assert [run.exit is None for run in fake.runs] == [False]


def test_an_interrupt_ends_a_start_that_checks_its_stop_token() -> None:
    fake = FakeBackend(Script(before_start=lambda stop_token: stop_token.sleep(QUICK_TIMEOUT)))
    with FakeLauncher(fake) as launcher, pytest.raises(KeyboardInterrupt), interrupts(0.05):
        launcher.submit(job())
    assert fake.runs == []


def test_a_stop_requested_before_the_start_prevents_it() -> None:
    fake, stop_token = FakeBackend(), StopToken()
    stop_token.stop()
    with FakeLauncher(fake) as launcher, pytest.raises(Stopped):
        launcher._launch(job(), None, None, stop_token, None)
    assert fake.runs == []


def test_waiting_survives_an_outage_of_the_engine() -> None:
    fake = FakeBackend(ENDLESS)
    with FakeLauncher(fake) as launcher:
        handle = launcher.start(job())
        waited = in_thread(launcher.wait, handle)
        fake.go_away()
        fake.runs[0].finish(7)
        fake.come_back()
        assert waited.result(QUICK_TIMEOUT).exit_code == 7


def test_a_long_outage_fails_waiting_threads_and_the_handle_stays_valid() -> None:
    fake = FakeBackend(ENDLESS, longest_outage=0.05)
    with FakeLauncher(fake) as launcher:
        handle = launcher.start(job())
        waited = in_thread(launcher.wait, handle)
        fake.go_away()
        assert isinstance(waited.exception(QUICK_TIMEOUT), EngineUnavailable)
        fake.come_back()
        fake.finish("job", 7)
        assert launcher.wait(handle).exit_code == 7


def test_a_launch_that_loses_its_engine_warns_that_the_run_may_go_on(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeBackend(ENDLESS, longest_outage=0.05)
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.submit, job(name="lost"))
        fake.wait_for("lost")
        with caplog.at_level(logging.WARNING, "launchpad"):
            fake.go_away()
            assert isinstance(launched.exception(QUICK_TIMEOUT), EngineUnavailable)
            until(lambda: caplog.messages)  # it may come from the thread of the stopper, a moment later
    assert ["'lost'" in message and "may go on" in message for message in caplog.messages] == [True]


def test_a_run_whose_end_can_no_longer_be_observed_is_killed() -> None:
    class Unobservable(FakeBackend):
        def open(self) -> FakeStream:
            if not self.runs:  # nothing to be lost yet
                return super().open()
            raise LaunchError("events are forbidden")

    fake = Unobservable(Script(exit_code=None, on_stop=ignore))
    with FakeLauncher(fake) as launcher:
        launched = in_thread(launcher.submit, job())
        fake.wait_for("job")
        fake.break_events()
        assert isinstance(launched.exception(QUICK_TIMEOUT), LaunchError)
    assert fake.runs[0].exit.exit_code == -9


def test_close_fails_launches_in_progress_and_kills_their_runs() -> None:
    fake = FakeBackend(ENDLESS)
    launcher = FakeLauncher(fake)
    launched = in_thread(launcher.submit, job())
    fake.wait_for("job")
    launcher.close()
    with pytest.raises(EngineUnavailable, match="closed"):
        launched.result(QUICK_TIMEOUT)
    assert fake.runs[0].exit is not None


def test_a_wait_during_a_failing_launch_gets_the_outcome() -> None:
    waits: list[Future[Any]] = []

    def fail(handle: Handle) -> None:
        waits.extend(in_thread(launcher.wait, handle) for _ in range(3))
        raise ZeroDivisionError

    with FakeLauncher(FakeBackend(ENDLESS)) as launcher:
        with pytest.raises(ZeroDivisionError):
            launcher.submit(job(), on_start=fail)
        for wait in waits:  # the session may have forgotten the run by then: the wait finds it on the engine
            assert wait.result(QUICK_TIMEOUT).ok is False


def test_remove_does_not_wait_for_a_thread_that_reads_output_and_that_thread_gets_its_result() -> None:
    reading, removed = threading.Event(), threading.Event()

    def slow(run: Run, line: str) -> None:
        reading.set()
        assert removed.wait(QUICK_TIMEOUT)

    with FakeLauncher(FakeBackend(Script(output="one\ntwo\n", exit_code=5))) as launcher:
        handle = launcher.start(job())
        waited = in_thread(launcher.wait, handle, on_output=slow)
        assert reading.wait(QUICK_TIMEOUT)
        launcher.remove(handle)
        removed.set()
        assert waited.result(QUICK_TIMEOUT).exit_code == 5
        with pytest.raises(RunNotFound):
            launcher.wait(handle)


def test_a_wait_may_last_for_decades() -> None:
    with FakeLauncher(FakeBackend()) as launcher:
        assert launcher.wait(launcher.start(job()), timeout=3e9).ok


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "1", True])
def test_an_invalid_timeout_of_a_wait_is_a_value_error(timeout: Any) -> None:
    with FakeLauncher(FakeBackend()) as launcher, pytest.raises(ValueError, match="timeout must be"):
        launcher.wait(launcher.start(job()), timeout=timeout)


def test_launchers_compare_and_copy_by_value_without_their_connection() -> None:
    fake = FakeBackend()
    with FakeLauncher(fake, env={"A": 1}) as launcher:
        launcher.submit(job())
        assert launcher == FakeLauncher(fake, env={"A": "1"})
        assert attrs.evolve(launcher, grace=1) != launcher
        assert copy.copy(launcher) == launcher
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            launcher.grace = 3


def test_a_launcher_class_without_the_abstract_methods_cannot_be_instantiated() -> None:
    class Half(Launcher):
        pass

    with pytest.raises(TypeError, match="connect"):
        Half()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grace": -1}, "grace must be at least 0 seconds"),
        ({"grace": "10"}, "grace must be a number of seconds"),
        ({"stream_output": "yes"}, "must be True or False"),
        ({"env": {"A": True}}, "must be text or a number, not bool"),
        ({"env": ["A=1"]}, "env must be a mapping"),
    ],
)
def test_bad_settings_are_value_errors_when_the_launcher_is_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FakeLauncher(FakeBackend(), **settings)


def test_many_threads_share_one_launcher_and_one_backend() -> None:
    connected = count(1)
    made: list[int] = []

    class Counting(FakeLauncher):
        def connect(self) -> FakeBackend:
            made.append(next(connected))
            return self.fake

    with Counting(FakeBackend()) as launcher:
        futures = [in_thread(launcher.submit, job(name=f"job {number}")) for number in range(20)]
        assert [future.result(QUICK_TIMEOUT) for future in futures] == [True] * 20
    assert made == [1]


def test_a_pickled_launcher_opens_its_own_connection() -> None:
    from launchpad import SubprocessLauncher

    launcher = SubprocessLauncher(env={"A": "1"}, stream_output=False)
    again = pickle.loads(pickle.dumps(launcher))
    started = time.monotonic()
    assert again == launcher
    assert again.submit(Run(command=["true"]))
    assert time.monotonic() - started < QUICK_TIMEOUT
