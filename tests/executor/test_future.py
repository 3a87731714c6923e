"""`LaunchFuture`: the state, handle and outcome of its run, before, during and after it."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from launchpad import EngineUnavailable, Handle, LaunchError, LaunchExecutor, Outcome, Reason
from launchpad.testing import FakeBackend, FakeLauncher, Script
from tests.helping import all_done

from .helping import executor_for, job

REFUSED = Script(refusals=[LaunchError("refused")])


def test_a_run_that_succeeds_gives_true(executor: LaunchExecutor, fake: FakeBackend) -> None:
    future = executor.submit(job())
    fake.finish("job")
    assert future.result(10) is True
    assert future.outcome.reason is Reason.COMPLETED
    assert (future.exception(), future.cancelled()) == (None, False)


def test_a_run_that_fails_gives_false_and_its_outcome_has_the_reason(
    executor: LaunchExecutor, fake: FakeBackend
) -> None:
    future = executor.submit(job())
    fake.finish("job", 3)
    assert future.result(10) is False
    assert (future.outcome.reason, future.outcome.exit_code) == (Reason.FAILED, 3)


def test_the_error_of_a_failed_launch_is_the_futures_exception_and_its_outcome_is_not_launched() -> None:
    with executor_for(REFUSED) as executor:
        future = executor.submit(job())
        with pytest.raises(LaunchError, match="refused"):
            future.result(10)
    assert future.outcome == Outcome(ok=False, reason=Reason.NOT_LAUNCHED, message="refused")


def test_an_error_of_the_pool_is_not_launched_either() -> None:
    def fail() -> None:
        raise ValueError("no thread")

    with executor_for(Script(), initializer=fail) as executor:
        future = executor.submit(job())
        assert all_done(future)
    assert (future.outcome.reason, future.outcome.handle) == (Reason.NOT_LAUNCHED, None)


def test_a_run_whose_engine_cannot_be_reached_any_more_has_an_unknown_end_and_its_handle(
    executor: LaunchExecutor, launcher: FakeLauncher
) -> None:
    future = executor.submit(job())
    handle = future.wait_started(10)
    launcher.close()
    assert isinstance(future.exception(10), EngineUnavailable)
    assert (future.outcome.reason, future.outcome.handle) == (Reason.UNKNOWN, handle)


def test_submit_raises_type_error_for_anything_but_a_run_or_a_callable(executor: LaunchExecutor) -> None:
    for wrong in (["echo", "hello"], "echo hello", None):
        with pytest.raises(TypeError, match="submit takes a Run or a function, not"):
            executor.submit(wrong)  # type: ignore[call-overload]


def test_run_handle_and_outcome_are_set_at_submit_start_and_end(executor: LaunchExecutor, fake: FakeBackend) -> None:
    run = job()
    future = executor.submit(run)
    handle = future.wait_started(10)
    assert (future.run, future.handle, future.outcome) == (run, handle, None)
    fake.finish(run)
    assert future.result(10)
    assert future.outcome.handle == handle


def test_wait_started_gives_the_handle_of_a_run_that_has_ended_already() -> None:
    with executor_for(Script()) as executor:
        future = executor.submit(job())
        assert all_done(future)
    assert future.wait_started(0) == future.outcome.handle


def test_wait_started_raises_the_error_of_the_start() -> None:
    with executor_for(REFUSED) as executor, pytest.raises(LaunchError, match="refused"):
        executor.submit(job()).wait_started(10)


def test_wait_started_has_a_time_limit_and_names_the_run(executor: LaunchExecutor) -> None:
    executor.launch_all([job()] * 4)
    with pytest.raises(TimeoutError, match=r"'late' has not started within 0\.01 s"):
        executor.submit(job("late")).wait_started(0.01)


@pytest.mark.parametrize("running", [True, False])
def test_wait_started_of_a_run_cancelled_before_its_start_raises_cancelled_error(running: bool) -> None:
    starting = threading.Event()
    script = Script(before_start=lambda stop_token: (starting.set(), stop_token.sleep(60)))
    with executor_for(script, 1) as executor:
        first, second = executor.launch_all([job(), job()])
        assert starting.wait(10)
        cancelled = first if running else second
        assert cancelled.cancel()
        with pytest.raises(CancelledError):
            cancelled.wait_started(10)
        executor.stop()


def test_a_later_cancel_ends_wait_started(executor: LaunchExecutor) -> None:
    executor.launch_all([job()] * 4)
    queued = executor.submit(job())
    with ThreadPoolExecutor(1) as another:
        waiting = another.submit(queued.wait_started, 10)
        queued.cancel()
        assert isinstance(waiting.exception(10), CancelledError)


def test_running_is_true_while_the_run_is_in_progress(executor: LaunchExecutor, fake: FakeBackend) -> None:
    *running, queued = executor.launch_all([job()] * 5)
    for future in running:
        future.wait_started(10)
    assert [future.running() for future in (*running, queued)] == [True] * 4 + [False]
    running[0].cancel()
    assert all_done(running[0])
    assert not running[0].running()


@pytest.mark.parametrize(
    ("script", "end"),
    [(Script(), "completed"), (Script(exit_code=3), "failed"), (REFUSED, "not_launched")],
)
def test_the_repr_names_the_run_and_how_it_ended(script: Script, end: str) -> None:
    with executor_for(script) as executor:
        future = executor.submit(job())
        assert all_done(future)
    assert repr(future) == f"<LaunchFuture 'job': {end}>"


def test_the_repr_has_the_state_of_the_run(executor: LaunchExecutor) -> None:
    *running, queued = executor.launch_all([job()] * 5)
    running[0].wait_started(10)
    assert repr(running[0]) == "<LaunchFuture 'job': running>"
    assert repr(queued) == "<LaunchFuture 'job': pending>"
    queued.cancel()
    assert repr(queued) == "<LaunchFuture 'job': cancelled>"


def test_on_start_is_called_once_with_the_handle_in_the_launching_thread(executor: LaunchExecutor) -> None:
    calls: list[tuple[Handle, str]] = []
    future = executor.submit(job(), on_start=lambda handle: calls.append((handle, threading.current_thread().name)))
    handle = future.wait_started(10)
    executor.stop()
    assert [called for called, _ in calls] == [handle]
    assert calls[0][1].startswith("launchpad")


def test_the_future_knows_the_handle_when_on_start_is_called(executor: LaunchExecutor) -> None:
    futures: list[Any] = []
    known: list[bool] = []
    submitted = threading.Event()

    def on_start(handle: Handle) -> None:
        submitted.wait(10)
        known.append(futures[0].handle == handle == futures[0].wait_started(0))

    futures.append(executor.submit(job(), on_start=on_start))
    submitted.set()
    executor.stop()
    assert known == [True]


def test_an_error_in_on_start_stops_the_run_and_is_the_futures_exception(
    executor: LaunchExecutor, fake: FakeBackend
) -> None:
    def on_start(handle: Handle) -> None:
        raise KeyError(handle.name)

    future = executor.submit(job(), on_start=on_start)
    assert isinstance(future.exception(10), KeyError)
    assert fake.wait_for("job").asked_to_stop.is_set()
    assert (future.outcome.reason, future.outcome.handle) == (Reason.STOPPED, fake.runs[0].handle)
    assert "KeyError: 'job'" in future.outcome.message


def test_on_output_gets_the_lines_in_order() -> None:
    lines: list[str] = []
    with executor_for(Script(output=["one\ntw", "o\nthree"])) as executor:
        future = executor.submit(job(), on_output=lambda run, line: lines.append(f"{run.name}: {line}"))
        assert future.result(10)
    assert lines == ["job: one", "job: two", "job: three"]


def test_a_callback_that_raises_is_logged_and_affects_neither_the_next_nor_the_executor(
    executor: LaunchExecutor, fake: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(future: Future[bool]) -> None:
        raise KeyError("callback")

    called = threading.Event()
    future = executor.submit(job())
    future.add_done_callback(fail)
    future.add_done_callback(lambda _: called.set())
    fake.finish("job")
    assert called.wait(10)
    assert [(record.name, record.levelno) for record in caplog.records if record.exc_info] == [
        ("concurrent.futures", logging.ERROR)
    ]
    assert executor.submit(len, "ab").result(10) == 2


@pytest.mark.parametrize("script", [Script(), Script(exit_code=1), REFUSED, Script(exit_code=None)])
def test_a_callback_may_wait_for_its_own_future(script: Script) -> None:
    seen: list[bool] = []

    def wait_here(future: Future[bool]) -> None:
        with suppress(LaunchError, CancelledError):
            future.wait_started(10)
        seen.append(all_done(future))

    with executor_for(script) as executor:
        future = executor.submit(job())
        future.add_done_callback(wait_here)
        if script.exit_code is None:
            future.cancel()
        assert all_done(future)
    assert seen == [True]


def test_a_callback_gets_a_future_with_its_outcome(executor: LaunchExecutor, fake: FakeBackend) -> None:
    seen: list[Any] = []
    future = executor.submit(job())
    future.add_done_callback(lambda future: seen.append((future.outcome.ok, future.running(), repr(executor))))
    fake.finish("job")
    executor.shutdown()
    assert seen == [(True, False, "<LaunchExecutor fake: 0 running, 0 queued>")]
