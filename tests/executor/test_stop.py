"""stop(): queued runs are cancelled and started ones stopped, from any thread."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from launchpad import Handle, LaunchExecutor, LaunchFuture, Reason, Run
from launchpad.testing import FakeBackend, FakeLauncher, Script
from tests.helping import all_done, until

from .helping import STUBBORN, executor_for, job, jobs


def test_stop_cancels_queued_runs_and_stops_started_ones(executor: LaunchExecutor, fake: FakeBackend) -> None:
    futures = executor.launch_all(jobs(9))
    for future in futures[:4]:
        future.wait_started(10)
    executor.stop()
    assert [future.cancelled() for future in futures] == [True] * 9
    assert {future.outcome.reason for future in futures} == {Reason.STOPPED}
    assert sorted(run.name for run in fake.runs) == [f"job-{number}" for number in range(4)]
    assert all(run.asked_to_stop.is_set() for run in fake.runs)


def test_stop_cancels_queued_functions_and_waits_for_those_in_progress(launcher: FakeLauncher) -> None:
    called, go_on = threading.Event(), threading.Event()
    executor = LaunchExecutor(launcher, 1)
    call = executor.submit(lambda: (called.set(), go_on.wait(10)))
    queued = executor.submit(len, "ab")
    assert called.wait(10)
    with ThreadPoolExecutor(1) as other:
        stopping = other.submit(executor.stop)
        until(lambda: queued.cancelled() or stopping.done())
        go_on.set()
        stopping.result(10)
    assert call.done()


def test_stop_without_waiting_returns_while_runs_are_being_stopped() -> None:
    fake = FakeBackend(STUBBORN)
    executor = executor_for(fake)
    future = executor.submit(job())
    future.wait_started(10)
    executor.stop(wait=False)
    assert (future.done(), future.running()) == (False, True)
    fake.finish("job")
    assert all_done(future)
    executor.stop()


def test_stop_may_be_called_again(executor: LaunchExecutor) -> None:
    future = executor.submit(job())
    executor.stop()
    executor.stop()
    executor.shutdown()
    assert future.cancelled()


def test_stop_with_hurry_kills_without_grace() -> None:
    with executor_for(STUBBORN, grace=600) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        executor.stop(wait=False)
        executor.stop(hurry=True)
    assert (future.cancelled(), future.outcome.exit_code) == (True, -9)


def test_after_stop_nothing_can_be_submitted(executor: LaunchExecutor) -> None:
    executor.stop()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(job())


def test_stop_from_several_threads_at_once(executor: LaunchExecutor) -> None:
    futures = executor.launch_all(jobs(20))
    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        stopping = [threads.submit(lambda: (together.wait(10), executor.stop())) for _ in range(4)]
        for stop in stopping:
            stop.result(10)
    assert all(future.cancelled() for future in futures)


def test_stop_while_others_submit_leaves_no_future_undone(executor: LaunchExecutor) -> None:
    futures: list[LaunchFuture] = []

    def submit_until_refused() -> None:
        with suppress(RuntimeError):
            while True:
                futures.append(executor.submit(job()))

    with ThreadPoolExecutor(2) as threads:
        submitting = [threads.submit(submit_until_refused) for _ in range(2)]
        until(lambda: len(futures) >= 50)
        executor.stop()
        for thread in submitting:
            thread.result(10)
    assert all(future.cancelled() for future in futures)


def test_a_callback_may_stop_the_executor_that_calls_it(executor: LaunchExecutor, fake: FakeBackend) -> None:
    futures = executor.launch_all(jobs(9))
    for future in futures:
        future.add_done_callback(lambda future: future.cancelled() or executor.stop())
    fake.finish("job-0", 1)
    assert all_done(*futures)
    assert [future.cancelled() for future in futures] == [False] + [True] * 8


@pytest.mark.parametrize("where", ["on_start", "on_output"])
def test_a_run_may_stop_the_executor_that_launches_it(where: str, executor: LaunchExecutor, fake: FakeBackend) -> None:
    def on_start(handle: Handle) -> None:
        executor.stop()

    def on_output(run: Run, line: str) -> None:
        executor.stop()

    future = executor.submit(job(), **{where: {"on_start": on_start, "on_output": on_output}[where]})
    fake.wait_for("job").write("enough\n")
    assert all_done(future)
    assert future.cancelled()


def test_a_function_may_stop_the_executor_that_calls_it(executor: LaunchExecutor) -> None:
    future = executor.submit(job())
    assert executor.submit(executor.stop).result(10) is None
    assert all_done(future)
    assert future.cancelled()


def test_a_function_may_stop_the_executor_before_it_knows_the_functions_thread(launcher: FakeLauncher) -> None:
    for _ in range(200):
        executor = LaunchExecutor(launcher, 2)
        assert [executor.submit(executor.stop).exception(10)] == [None]


def test_stop_succeeds_although_a_callback_submits_again(
    executor: LaunchExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    def again(future: Future[bool]) -> None:
        executor.submit(job())

    futures = executor.launch_all(jobs(9))
    for future in futures:
        future.add_done_callback(again)
    executor.stop()
    assert all(future.cancelled() for future in futures)
    assert {str(record.exc_info[1]) for record in caplog.records if record.exc_info} == {
        "cannot schedule new futures after shutdown"
    }


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, SystemExit])
def test_a_with_block_that_is_left_by_an_exception_stops(
    error: type[BaseException], launcher: FakeLauncher, fake: FakeBackend
) -> None:
    futures: list[LaunchFuture] = []

    def leave_early() -> None:
        with LaunchExecutor(launcher, 2) as executor:
            futures.extend(executor.launch_all(jobs(5)))
            futures[0].wait_started(10)
            raise error

    with pytest.raises(error):
        leave_early()
    assert [future.cancelled() for future in futures] == [True] * 5
    assert all(run.exit is not None for run in fake.runs)


def test_stop_ends_a_start_in_progress_and_runs_that_wait_for_a_slot() -> None:
    starting = threading.Event()
    fake = FakeBackend(Script(before_start=lambda stop_token: (starting.set(), stop_token.sleep(60))))
    executor = executor_for(fake, max_launches=1)
    futures = executor.launch_all(jobs(6))
    assert starting.wait(10)
    executor.stop()
    assert [future.cancelled() for future in futures] == [True] * 6
    assert fake.runs == []


def test_stop_with_hurry_kills_a_run_that_is_being_stopped_for_an_error_in_on_start() -> None:
    def fail(handle: Handle) -> None:
        raise KeyError("on_start")

    fake = FakeBackend(STUBBORN)
    with executor_for(fake, grace=600) as executor:
        future = executor.submit(job(), on_start=fail)
        assert fake.wait_for("job").asked_to_stop.wait(10)
        executor.stop(hurry=True)
    assert (future.cancelled(), fake.runs[0].exit.exit_code) == (True, -9)
