"""cancel() means cancelled, whatever the run is doing at that moment."""

from __future__ import annotations

import asyncio
import threading
from concurrent import futures
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from launchpad import EngineUnavailable, Handle, LaunchError, LaunchExecutor, LaunchFuture, Reason, Run
from launchpad.core.cancellation import StopToken
from launchpad.testing import FakeBackend, FakeRun, Script
from tests.helping import all_done

from .helping import STUBBORN, executor_for, job, jobs


def test_a_queued_run_that_is_cancelled_is_never_started(executor: LaunchExecutor, fake: FakeBackend) -> None:
    *running, queued = executor.launch_all(jobs(5))
    assert queued.cancel() is True
    assert queued.cancelled()
    for future in running:
        fake.finish(future.run)
    executor.shutdown()
    assert [run.name for run in fake.runs if run.name == "job-4"] == []
    assert (queued.outcome.reason, queued.handle) == (Reason.STOPPED, None)


def test_cancelling_a_running_run_returns_at_once_and_ends_when_the_run_is_gone() -> None:
    fake = FakeBackend(STUBBORN)
    with executor_for(fake) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        assert future.cancel() is True
        assert fake.wait_for("job").asked_to_stop.wait(10)
        assert (future.done(), future.running()) == (False, True)
        fake.finish("job", -15)
        assert all_done(future)
    assert future.cancelled()


def test_a_run_that_ignores_the_stop_is_killed_after_the_grace() -> None:
    with executor_for(STUBBORN, grace=0.05) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        future.cancel()
        assert all_done(future)
    assert (future.cancelled(), future.outcome.exit_code) == (True, -9)


def test_a_second_cancel_returns_true_and_does_not_shorten_the_grace() -> None:
    fake = FakeBackend(STUBBORN)
    with executor_for(fake) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        assert [future.cancel(), future.cancel()] == [True, True]
        assert fake.wait_for("job").asked_to_stop.wait(10)
        assert fake.runs[0].exit is None
        fake.finish("job")
        assert all_done(future)
    assert future.cancel() is True


def test_a_cancelled_run_is_stopped_in_its_outcome_and_raises_cancelled_error(executor: LaunchExecutor) -> None:
    future = executor.submit(job())
    handle = future.wait_started(10)
    future.cancel()
    with pytest.raises(CancelledError):
        future.result(10)
    with pytest.raises(CancelledError):
        future.exception(10)
    assert (future.outcome.ok, future.outcome.reason, future.outcome.handle) == (False, Reason.STOPPED, handle)


@pytest.mark.parametrize("code", [0, 3])
def test_a_run_that_ended_before_the_cancel_reached_it_is_cancelled_too(code: int) -> None:
    with executor_for(Script(exit_code=None, on_stop=lambda run: run.finish(code))) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        assert future.cancel()
        assert all_done(future)
    assert (future.cancelled(), future.outcome.reason, future.outcome.exit_code) == (True, Reason.STOPPED, code)


def test_a_run_that_ended_before_its_launcher_looked_is_cancelled_too(
    executor: LaunchExecutor, fake: FakeBackend
) -> None:
    futures_: list[LaunchFuture] = []
    submitted = threading.Event()

    def end_then_cancel(handle: Handle) -> None:
        submitted.wait(10)
        fake.finish("job", 0)
        futures_[0].cancel()

    futures_.append(executor.submit(job(), on_start=end_then_cancel))
    submitted.set()
    assert all_done(*futures_)
    assert (futures_[0].cancelled(), futures_[0].outcome.reason) == (True, Reason.STOPPED)


@pytest.mark.parametrize("script", [Script(), Script(exit_code=3), Script(refusals=[LaunchError("refused")])])
def test_a_run_that_has_ended_cannot_be_cancelled(script: Script) -> None:
    with executor_for(script) as executor:
        future = executor.submit(job())
        assert all_done(future)
        assert (future.cancel(), future.cancelled()) == (False, False)


def test_a_cancel_ends_a_start_in_progress() -> None:
    starting = threading.Event()
    fake = FakeBackend(Script(before_start=lambda stop_token: (starting.set(), stop_token.sleep(60))))
    with executor_for(fake) as executor:
        future = executor.submit(job())
        assert starting.wait(10)
        assert future.cancel()
        assert all_done(future)
    assert (future.cancelled(), future.outcome.reason, fake.runs) == (True, Reason.STOPPED, [])


def test_a_start_that_cannot_be_cancelled_is_stopped_as_soon_as_it_has_started() -> None:
    starting, go_on = threading.Event(), threading.Event()
    script = Script(exit_code=None, before_start=lambda _: (starting.set(), go_on.wait(10)))
    fake = FakeBackend(script)
    with executor_for(fake) as executor:
        future = executor.submit(job())
        assert starting.wait(10)
        future.cancel()
        go_on.set()
        assert all_done(future)
    assert future.cancelled()
    assert fake.runs[0].asked_to_stop.is_set()


def test_a_start_that_fails_after_the_cancel_is_cancelled_and_was_not_launched() -> None:
    starting, go_on = threading.Event(), threading.Event()

    def fail(stop_token: StopToken) -> None:
        starting.set()
        go_on.wait(10)
        raise LaunchError("refused")

    with executor_for(Script(before_start=fail)) as executor:
        future = executor.submit(job())
        assert starting.wait(10)
        future.cancel()
        go_on.set()
        assert all_done(future)
    assert (future.cancelled(), future.outcome.reason) == (True, Reason.NOT_LAUNCHED)


def test_a_run_that_cannot_be_stopped_is_cancelled_and_has_an_unknown_end() -> None:
    def leave(run: FakeRun) -> None:
        raise EngineUnavailable("out of reach")

    with executor_for(Script(exit_code=None, on_stop=leave)) as executor:
        future = executor.submit(job())
        future.wait_started(10)
        future.cancel()
        assert all_done(future)
    assert (future.cancelled(), future.outcome.reason) == (True, Reason.UNKNOWN)


def test_a_run_may_be_cancelled_in_its_own_on_start(executor: LaunchExecutor, fake: FakeBackend) -> None:
    mine: list[LaunchFuture] = []
    submitted = threading.Event()
    mine.append(executor.submit(job(), on_start=lambda _: (submitted.wait(10), mine[0].cancel())))
    submitted.set()
    assert all_done(*mine)
    assert mine[0].cancelled()
    assert fake.runs[0].asked_to_stop.is_set()


def test_an_error_in_on_start_after_the_cancel_leaves_the_run_cancelled(executor: LaunchExecutor) -> None:
    mine: list[LaunchFuture] = []
    submitted = threading.Event()

    def cancel_and_fail(handle: Handle) -> None:
        submitted.wait(10)
        mine[0].cancel()
        raise KeyError("on_start")

    mine.append(executor.submit(job(), on_start=cancel_and_fail))
    submitted.set()
    assert all_done(*mine)
    assert (mine[0].cancelled(), mine[0].outcome.reason, mine[0].outcome.handle) == (
        True,
        Reason.STOPPED,
        mine[0].handle,
    )


def test_a_run_may_be_cancelled_in_its_own_on_output(executor: LaunchExecutor, fake: FakeBackend) -> None:
    mine: list[LaunchFuture] = []

    def on_output(run: Run, line: str) -> None:
        mine[0].cancel()

    mine.append(executor.submit(job(), on_output=on_output))
    fake.wait_for("job").write("enough\n")
    assert all_done(*mine)
    assert mine[0].cancelled()


def test_wait_and_as_completed_see_the_cancel_of_a_run_that_they_wait_for(executor: LaunchExecutor) -> None:
    future = executor.submit(job())
    future.wait_started(10)
    with ThreadPoolExecutor(3) as waiters:
        waiting = [
            waiters.submit(futures.wait, [future], 10),
            waiters.submit(futures.wait, [future], 10, futures.FIRST_COMPLETED),
            waiters.submit(lambda: next(futures.as_completed([future], 10))),
        ]
        future.cancel()
        assert [waiting[0].result(10).done, waiting[1].result(10).done] == [{future}, {future}]
        assert waiting[2].result(10) is future


def test_asyncio_sees_the_cancel_of_a_run(executor: LaunchExecutor) -> None:
    async def main() -> None:
        future = executor.submit(job())
        wrapped = asyncio.wrap_future(future)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(wrapped, 10)

    asyncio.run(main())


def test_a_cancelled_task_of_asyncio_stops_the_run(executor: LaunchExecutor, fake: FakeBackend) -> None:
    async def main() -> LaunchFuture:
        future = executor.submit(job())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(future), 0.01)
        return future

    future = asyncio.run(main())
    assert all_done(future)
    assert future.cancelled()


def test_callbacks_are_called_once_in_order(executor: LaunchExecutor) -> None:
    calls: list[str] = []
    future = executor.submit(job())
    future.add_done_callback(lambda future: calls.append(f"first {future.cancelled()}"))
    future.add_done_callback(lambda future: calls.append(f"second {future.cancelled()}"))
    future.cancel()
    executor.shutdown()
    future.add_done_callback(lambda future: calls.append(f"late {future.cancelled()}"))
    assert calls == ["first True", "second True", "late True"]


def test_a_run_cancelled_while_it_waits_for_a_slot_takes_no_slot() -> None:
    starting, go_on = threading.Event(), threading.Event()
    script = Script(before_start=lambda _: (starting.set(), go_on.wait(10)))
    with executor_for(script, max_launches=1) as executor:
        first = executor.submit(job())
        assert starting.wait(10)
        waiting, behind = executor.launch_all(jobs(2))
        waiting.cancel()
        assert all_done(waiting)
        go_on.set()
        assert (first.result(10), behind.result(10), waiting.cancelled()) == (True, True, True)


def test_cancel_and_the_end_at_the_same_moment_agree() -> None:
    answers: set[bool] = set()
    for _ in range(200):
        fake = FakeBackend(Script(exit_code=None))
        with executor_for(fake, 1) as executor:
            future = executor.submit(job())
            fake.wait_for("job")
            together = threading.Barrier(2)
            with ThreadPoolExecutor(1) as other:
                ended = other.submit(lambda fake=fake, at=together: (at.wait(10), fake.finish("job")))
                together.wait(10)
                answer = future.cancel()
                ended.result(10)
            assert all_done(future)
        answers.add(answer)
        assert (future.cancelled(), future.outcome.reason is Reason.STOPPED) == (answer, answer)
    assert True in answers


def test_cancels_from_many_threads_at_once_agree(executor: LaunchExecutor) -> None:
    together = threading.Barrier(8)

    def cancel(future: LaunchFuture) -> bool:
        together.wait(10)
        return future.cancel()

    with ThreadPoolExecutor(8) as threads:
        for future in executor.launch_all(jobs(40)):
            assert [*threads.map(cancel, [future] * 8)] == [True] * 8
            assert all_done(future)
            assert future.cancelled()
