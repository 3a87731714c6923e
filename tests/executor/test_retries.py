"""A run with a Retry: its attempts, the pauses between them, and what ends both."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

import pytest

from launchpad import LaunchError, LaunchExecutor, LaunchFuture, Outcome, Reason, Retry, Run, RunEvent, on_event
from launchpad.testing import FakeBackend, FakeRun, Script
from tests.helping import all_done

from .helping import STUBBORN, executor_for, job

LONG = 60.0
"""Seconds within which what must happen has happened, on a loaded machine too."""

YEAR = 365 * 24 * 3600.0


def attempt_of(fake: FakeRun) -> int:
    return int(fake.env["LAUNCHPAD_ATTEMPT"])


def failing(times: int) -> FakeBackend:
    """An engine whose runs fail at their first `times` attempts."""
    return FakeBackend(lambda fake: Script(exit_code=7 if attempt_of(fake) <= times else 0, output="a line\n"))


class Pause:
    """A wait of `seconds`, which tells that a pause has begun."""

    def __init__(self, seconds: float = YEAR) -> None:
        self.begun = threading.Event()
        self.outcomes: list[Outcome] = []
        self._seconds = seconds

    def __call__(self, state: Any) -> float:
        self.outcomes.append(state.outcome.result())
        self.begun.set()
        return self._seconds


def in_pause(executor: LaunchExecutor, run: Run) -> LaunchFuture:
    """A future whose first attempt has failed, and whose second one is years away."""
    pause = Pause()
    future = executor.submit(run, retry=Retry(wait=pause))
    assert pause.begun.wait(LONG)
    return future


def test_a_run_that_fails_is_launched_again_until_it_succeeds() -> None:
    with executor_for(failing(2), retry=Retry(3)) as executor:
        future = executor.submit(job())
        assert future.result(LONG) is True
    assert [(one.attempt, one.exit_code) for one in future.attempts] == [(1, 7), (2, 7), (3, 0)]
    assert future.attempts[-1] == future.outcome
    assert future.handle == future.outcome.handle


def test_the_last_attempt_decides_how_the_run_ended() -> None:
    with executor_for(failing(9), retry=Retry(2)) as executor:
        future = executor.submit(job())
        assert future.result(LONG) is False
    assert (len(future.attempts), future.outcome.attempt, future.outcome.exit_code) == (2, 2, 7)


def test_the_retry_of_a_run_replaces_that_of_its_executor() -> None:
    with executor_for(failing(9), retry=Retry(4)) as executor:
        futures = [executor.submit(job(), retry=Retry(2)), executor.submit(job()), *executor.launch_all([job()])]
        assert all_done(*futures)
    assert [len(future.attempts) for future in futures] == [2, 4, 4]


def test_without_a_retry_there_is_one_attempt_which_is_the_run_itself() -> None:
    fake = FakeBackend(Script(exit_code=3))
    run = job()
    with executor_for(fake) as executor:
        future = executor.submit(run)
        assert future.result(LONG) is False
    assert future.attempts == [future.outcome]
    assert fake.runs[0].run is run


def test_an_attempt_has_its_number_and_its_own_name_on_the_engine() -> None:
    fake = failing(1)
    run = Run(command=["job"], name="job", env={"A": "1"}, labels={"b": "2"})
    with executor_for(fake, retry=Retry()) as executor:
        assert executor.submit(run).result(LONG)
    assert [(one.name, one.env) for one in fake.runs] == [
        ("job", {"A": "1", "LAUNCHPAD_ATTEMPT": "1"}),
        ("job-attempt-2", {"A": "1", "LAUNCHPAD_ATTEMPT": "2"}),
    ]
    assert fake.runs[1].run.labels == {"b": "2", "io.launchpad.attempt": "2"}
    assert {one.handle.run_id for one in fake.runs} == {run.id}


def test_callbacks_events_and_the_future_have_the_run_of_the_user() -> None:
    events: list[RunEvent] = []
    runs: list[Run] = []
    handles: list[object] = []
    run = job()
    with on_event(events.append), executor_for(failing(1), retry=Retry()) as executor:
        future = executor.submit(run, on_start=handles.append, on_output=lambda run, line: runs.append(run))
        assert future.result(LONG)
    assert all(one is run for one in [future.run, *runs, *(event.run for event in events)])
    assert len(runs) == 2
    assert handles == [outcome.handle for outcome in future.attempts]
    assert [(event.kind, event.attempt) for event in events] == [
        ("started", 1),
        ("ended", 1),
        ("started", 2),
        ("ended", 2),
    ]


def test_records_of_logging_name_the_attempt(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "launchpad")
    with executor_for(failing(1), retry=Retry(wait=0.01)) as executor:
        assert executor.submit(job()).result(LONG)
    messages = [record.getMessage() for record in caplog.records]
    assert "Run 'job': attempt 1 ended: failed. The next one follows in 0.0 s" in messages
    assert [getattr(record, "run_attempt", 1) for record in caplog.records] == [1, 1, 1, 2, 2]
    assert ", attempt 2) has ended: completed" in messages[-1]


def test_the_wait_gets_the_outcome_of_the_last_attempt() -> None:
    pause = Pause(0)
    with executor_for(failing(2), retry=Retry(wait=pause)) as executor:
        future = executor.submit(job())
        assert future.result(LONG)
    assert pause.outcomes == future.attempts[:2]


def test_during_a_pause_the_run_is_running_and_keeps_its_worker() -> None:
    fake = failing(9)
    with executor_for(fake, 1) as executor:
        paused, queued = in_pause(executor, job()), executor.submit(job("next"))
        assert (paused.running(), paused.outcome, len(paused.attempts)) == (True, None, 1)
        assert "running, attempt 2" in repr(paused)
        assert "earlier attempts" in paused._repr_html_()
        assert not queued.running()
        paused.cancel()
        assert all_done(queued)


def stop(executor: LaunchExecutor, future: LaunchFuture) -> None:
    executor.stop()


def leave_by_an_error(executor: LaunchExecutor, future: LaunchFuture) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("end", [lambda executor, future: future.cancel(), stop, leave_by_an_error])
def test_a_pause_ends_at_once_when_the_run_is_stopped(end: Callable[[LaunchExecutor, LaunchFuture], object]) -> None:
    fake = failing(9)
    executor = executor_for(fake)
    try:
        with executor:
            future = in_pause(executor, job())
            end(executor, future)
            assert all_done(future)
    except KeyboardInterrupt:
        pass
    assert all_done(future)
    assert future.cancelled()
    assert [outcome.reason for outcome in future.attempts] == [Reason.FAILED]
    assert (future.outcome.reason, future.outcome.message) == (Reason.STOPPED, "Cancelled before attempt 2.")
    assert len(fake.runs) == 1


def test_shutdown_waits_through_a_pause() -> None:
    with executor_for(failing(1), retry=Retry(wait=0.2)) as executor:
        future = executor.submit(job())
        executor.shutdown(wait=True)
        assert future.done()
    assert future.result() is True


def test_a_stopped_attempt_is_not_followed_by_another() -> None:
    fake = FakeBackend(STUBBORN)
    with executor_for(fake, grace=0, retry=Retry()) as executor:
        future = executor.submit(job())
        future.wait_started(LONG)
        future.cancel()
        assert all_done(future)
    assert future.cancelled()
    assert [outcome.reason for outcome in future.attempts] == [Reason.STOPPED]


def test_a_run_that_cannot_be_launched_is_not_launched_again() -> None:
    fake = FakeBackend(Script(refusals=[LaunchError("no")]))
    with executor_for(fake, retry=Retry()) as executor:
        future = executor.submit(job())
        assert isinstance(future.exception(LONG), LaunchError)
    assert [outcome.reason for outcome in future.attempts] == [Reason.NOT_LAUNCHED]
    assert fake.runs == []


def test_a_later_attempt_that_cannot_be_launched_ends_the_run_with_its_error() -> None:
    def script(fake: FakeRun) -> Script:
        return Script(exit_code=7, refusals=[] if attempt_of(fake) == 1 else [LaunchError("no")] * 9)

    with executor_for(FakeBackend(script), retry=Retry()) as executor:
        future = executor.submit(job())
        assert str(future.exception(LONG)) == "no"
    assert [(one.reason, one.attempt) for one in future.attempts] == [(Reason.FAILED, 1), (Reason.NOT_LAUNCHED, 2)]
    assert future.outcome.handle is None


def test_a_run_that_may_go_on_is_not_launched_again() -> None:
    fake = FakeBackend(Script(exit_code=None), longest_outage=0.1)
    with executor_for(fake, retry=Retry(on=[Reason.UNKNOWN])) as executor:
        future = executor.submit(job())
        handle = future.wait_started(LONG)
        fake.go_away()
        assert isinstance(future.exception(LONG), LaunchError)
    assert [(one.reason, one.handle) for one in future.attempts] == [(Reason.UNKNOWN, handle)]
    assert len(fake.runs) == 1


def test_an_error_in_on_start_ends_the_run_without_another_attempt() -> None:
    def refuse(handle: object) -> None:
        raise ZeroDivisionError

    with executor_for(failing(9), retry=Retry()) as executor:
        future = executor.submit(job(), on_start=refuse)
        assert isinstance(future.exception(LONG), ZeroDivisionError)
    assert [outcome.reason for outcome in future.attempts] == [Reason.STOPPED]


def raises(state: Any) -> float:
    raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        (raises, "ZeroDivisionError: division by zero"),
        (lambda state: "5", "ValueError: the pause must be a number of seconds, not str"),
        (lambda state: -1, "ValueError: the pause must be at least 0 seconds, not -1"),
        (lambda: 5, "TypeError: .*positional argument"),
    ],
)
def test_a_wait_that_fails_is_a_clear_error_and_leaves_the_outcome(wait: Any, message: str) -> None:
    with executor_for(failing(9), retry=Retry(wait=wait)) as executor:
        future = executor.submit(job())
        with pytest.raises(LaunchError, match=f"Run 'job' is not launched again: .*{message}"):
            future.result(LONG)
    assert (future.outcome.reason, future.outcome.exit_code) == (Reason.FAILED, 7)
    assert future.attempts == [future.outcome]


def test_a_time_out_is_that_of_each_attempt() -> None:
    fake = FakeBackend(Script(exit_code=None))
    with executor_for(fake, retry=Retry(2, on=[Reason.TIMED_OUT])) as executor:
        future = executor.submit(Run(command=["job"], timeout=0.1))
        assert future.result(LONG) is False
    assert [outcome.reason for outcome in future.attempts] == [Reason.TIMED_OUT] * 2


def test_only_a_retry_is_accepted() -> None:
    with executor_for(Script()) as executor, pytest.raises(TypeError, match="retry must be a Retry, not int"):
        executor.submit(job(), retry=3)
    with pytest.raises(TypeError, match="retry must be a Retry, not int"):
        executor_for(Script(), retry=3)


@pytest.mark.parametrize("script", [Script(exit_code=1), Script(refusals=[LaunchError("no")])])
def test_a_future_with_attempts_is_freed_without_the_garbage_collector(script: Script) -> None:
    gc.collect()
    gc.disable()
    try:
        with executor_for(script, 1, retry=Retry(2)) as executor:
            future = executor.submit(job())
            assert all_done(future)
            reference = weakref.ref(future)
            del future
            executor.submit(int).result(LONG)
            assert reference() is None
    finally:
        gc.enable()


def test_a_run_that_is_cancelled_in_the_queue_has_no_attempt() -> None:
    with executor_for(STUBBORN, 1, grace=0, retry=Retry()) as executor:
        first, queued = executor.submit(job()), executor.submit(job())
        queued.cancel()
        first.wait_started(LONG)
        first.cancel()
        with pytest.raises(CancelledError):
            queued.result(LONG)
    assert (queued.attempts, queued.outcome.reason) == ([], Reason.STOPPED)
