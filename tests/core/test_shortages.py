"""Shortages of descriptors, threads and memory: every future ends, with advice, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from launchpad import EngineUnavailable, LaunchError, LaunchExecutor, Reason, Run, SubprocessLauncher
from launchpad.core.cancellation import StopToken
from launchpad.core.output import discard
from launchpad.core.retries import TRANSIENT_ATTEMPTS, Transient, persistent
from launchpad.core.shortages import advice_on
from launchpad.testing import FakeBackend, FakeLauncher, Script
from tests.helping import QUICK_TIMEOUT

from .scripted import ENDED, ScriptedUnit, Unwakeable, polled, supervise

NO_DESCRIPTOR = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
TOO_MANY = "this process has too many open files: raise the limit (ulimit -n) or use fewer workers"


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@contextmanager
def no_room_for_threads() -> Iterator[None]:
    """No thread can be started: each would need more memory for its stack than there is."""
    before = threading.stack_size(1 << 47)
    try:
        yield
    finally:
        threading.stack_size(before)


@pytest.mark.parametrize(
    "error",
    [
        NO_DESCRIPTOR,
        RuntimeError("can't start new thread"),
        MemoryError(),
        caused(EngineUnavailable("It cannot be reached."), caused(Transient("lost"), NO_DESCRIPTOR)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_shortage_at_the_start_is_a_launch_error_with_advice(error: Exception) -> None:
    def fail(stop_token: StopToken) -> None:
        raise error

    launcher = FakeLauncher(FakeBackend(Script(before_start=fail)))
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(Run(command=["job"]))
        failure = future.exception(QUICK_TIMEOUT)
    assert type(failure) is LaunchError
    assert str(failure) == f"Run 'job' cannot be launched: {advice_on(error)}."
    assert future.outcome.reason is Reason.NOT_LAUNCHED


def test_an_error_without_a_shortage_has_no_advice() -> None:
    assert advice_on(caused(OSError(errno.ECONNREFUSED, "refused"), ValueError())) is None


def test_an_engine_is_asked_a_few_times_only_while_descriptors_are_short() -> None:
    asked: list[None] = []

    def ask() -> None:
        asked.append(None)
        raise Transient("no connection") from NO_DESCRIPTOR

    with pytest.raises(Transient):
        persistent(StopToken())(ask)
    assert len(asked) == TRANSIENT_ATTEMPTS


def test_a_run_is_polled_again_after_a_shortage() -> None:
    unit = ScriptedUnit(NO_DESCRIPTOR, caused(LaunchError("No group can be looked up."), NO_DESCRIPTOR), ENDED)
    assert supervise(unit).wait(discard).ok


def test_a_step_of_a_stop_is_taken_again_after_a_shortage() -> None:
    class Short(Unwakeable):
        tries = 0

        def terminate(self, grace: float) -> bool:
            self.tries += 1
            if self.tries < 3:
                raise caused(LaunchError("No group can be looked up."), NO_DESCRIPTOR)
            return super().terminate(grace)

    supervisor, outcome = polled(Short(ends_when="terminate"))
    supervisor.request_stop()
    assert outcome.result(QUICK_TIMEOUT).reason is Reason.STOPPED


def test_an_executor_uses_the_threads_it_has_if_there_is_no_room_for_more() -> None:
    fake = FakeBackend({"first": Script(exit_code=None)})
    with LaunchExecutor(FakeLauncher(fake), 4) as executor:
        first = executor.submit(Run(command=["job"], name="first"))
        fake.wait_for("first")
        with no_room_for_threads():
            others: list[Future[object]] = [executor.submit(Run(command=["job"])), executor.submit(len, "four")]
        fake.finish("first")
        assert (first.result(QUICK_TIMEOUT), *(other.result(QUICK_TIMEOUT) for other in others)) == (True, True, 4)


def test_a_run_of_an_executor_that_can_start_no_thread_is_not_launched() -> None:
    fake = FakeBackend()
    with LaunchExecutor(FakeLauncher(fake), 4) as executor:
        with no_room_for_threads():
            future = executor.submit(Run(command=["job"]))
        assert "ulimit -u" in str(future.exception(0))
        assert executor.submit(Run(command=["job"], name="next")).result(QUICK_TIMEOUT)
    assert [run.name for run in fake.runs] == ["next"]


def test_a_watcher_that_cannot_be_started_is_a_launch_error_with_advice() -> None:
    with no_room_for_threads(), pytest.raises(LaunchError, match="ulimit -u"):
        FakeLauncher().submit(Run(command=["job"]))


def test_a_local_run_of_the_main_thread_needs_no_other_thread() -> None:
    with no_room_for_threads():
        assert SubprocessLauncher(stream_output=False).submit(Run(command=["true"]))
        assert not SubprocessLauncher(stream_output=False).submit(Run(command=["sleep", "60"], timeout=0.1))
