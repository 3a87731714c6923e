"""LaunchExecutor is a ThreadPoolExecutor: of runs, and of functions beside them."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, TimeoutError
from concurrent.futures.thread import BrokenThreadPool
from typing import Any

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher
from launchpad.testing import FakeBackend, FakeLauncher, Script
from tests.helping import all_done

from .helping import executor_for, job, jobs


def test_functions_run_beside_runs(executor: LaunchExecutor, fake: FakeBackend) -> None:
    future, call = executor.submit(job()), executor.submit(divmod, 7, 2)
    fake.finish("job")
    assert (type(future), future.result(10)) == (LaunchFuture, True)
    assert (type(call), call.result(10)) == (Future, (3, 1))


def test_map_calls_functions(executor: LaunchExecutor) -> None:
    assert list(executor.map(pow, [2, 3], [5, 2])) == [32, 9]


def test_a_function_may_be_one_that_submits(
    executor: LaunchExecutor, launcher: FakeLauncher, fake: FakeBackend
) -> None:
    future = executor.submit(launcher.submit, job())
    fake.finish("job")
    assert future.result(10) is True


@pytest.mark.parametrize("count", [0, -1])
def test_there_must_be_workers(count: int, launcher: FakeLauncher) -> None:
    with pytest.raises(ValueError, match="max_workers must be greater than 0"):
        LaunchExecutor(launcher, count)


@pytest.mark.parametrize("count", [0, -1])
def test_there_must_be_launches(count: int, launcher: FakeLauncher) -> None:
    with pytest.raises(ValueError, match="max_launches must be greater than 0"):
        LaunchExecutor(launcher, max_launches=count)


def test_a_class_of_launchers_is_not_a_launcher() -> None:
    with pytest.raises(TypeError, match="launcher must be a Launcher, not"):
        LaunchExecutor(SubprocessLauncher)  # type: ignore[arg-type]


def test_submit_of_a_run_accepts_only_on_start_and_on_output(executor: LaunchExecutor) -> None:
    with pytest.raises(TypeError):
        executor.submit(job(), timeout=5)  # type: ignore[call-overload]
    assert repr(executor) == "<LaunchExecutor fake: 0 running, 0 queued>"


def test_launch_all_returns_futures_in_order(executor: LaunchExecutor, fake: FakeBackend) -> None:
    futures = executor.launch_all(iter(jobs(6)))
    assert [future.run.name for future in futures] == [f"job-{number}" for number in range(6)]
    for number in range(6):
        fake.finish(f"job-{number}", number)
    assert [future.result(10) for future in futures] == [True] + [False] * 5


def test_launch_all_passes_the_output_of_all_runs_to_one_callback(launcher: FakeLauncher) -> None:
    lines: list[tuple[str, str]] = []
    runs = [Run(command=["echo", name], name=name) for name in "ab"]
    with LaunchExecutor(SubprocessLauncher(), 1) as executor:
        executor.launch_all(runs, on_output=lambda run, line: lines.append((run.name, line)))
    assert lines == [("a", "a"), ("b", "b")]


def test_launch_all_launches_nothing_if_an_item_is_not_a_run(executor: LaunchExecutor, fake: FakeBackend) -> None:
    with pytest.raises(TypeError, match="launch_all takes Runs, not str"):
        executor.launch_all([job(), "echo hello"])  # type: ignore[list-item]
    executor.shutdown()
    assert fake.runs == []


def test_as_many_runs_are_in_flight_as_there_are_workers(executor: LaunchExecutor, fake: FakeBackend) -> None:
    futures = executor.launch_all(jobs(6))
    for number in range(4):
        fake.wait_for(f"job-{number}")
    assert repr(executor) == "<LaunchExecutor fake: 4 running, 2 queued>"
    fake.finish("job-0")
    fake.wait_for("job-4")
    assert (futures[5].running(), len(fake.runs)) == (False, 5)


def test_max_launches_bounds_the_starts_in_progress_and_not_the_runs_in_flight() -> None:
    under_way, most, go_on = threading.Semaphore(2), [0], threading.Event()

    def start(_: object) -> None:
        most[0] += not under_way.acquire(blocking=False)
        go_on.wait(10)
        under_way.release()

    fake = FakeBackend(Script(exit_code=None, before_start=start))
    with executor_for(fake, 8, max_launches=2) as executor:
        futures = executor.launch_all(jobs(8))
        go_on.set()
        for future in futures:
            future.wait_started(10)
        assert (most, sum(future.running() for future in futures)) == ([0], 8)
        executor.stop()


def test_threads_are_named_launchpad(executor: LaunchExecutor) -> None:
    assert executor.submit(lambda: threading.current_thread().name).result(10).startswith("launchpad")


def test_threads_have_the_given_name_prefix(launcher: FakeLauncher) -> None:
    with LaunchExecutor(launcher, thread_name_prefix="nightly") as executor:
        assert executor.submit(lambda: threading.current_thread().name).result(10) == "nightly_0"


def test_the_initializer_runs_in_every_thread_before_its_first_run(launcher: FakeLauncher, fake: FakeBackend) -> None:
    local = threading.local()
    seen: list[str] = []
    with LaunchExecutor(
        launcher, 2, initializer=lambda value: setattr(local, "value", value), initargs=("set",)
    ) as executor:
        futures = [executor.submit(job(name), on_start=lambda _: seen.append(local.value)) for name in ("a", "b")]
        fake.finish("a")
        fake.finish("b")
        assert all_done(*futures)
    assert seen == ["set", "set"]


def test_an_initializer_that_fails_breaks_the_pool_for_runs_too(launcher: FakeLauncher, fake: FakeBackend) -> None:
    go_on = threading.Event()

    def fail() -> None:
        go_on.wait(10)
        raise OSError("no device")

    with LaunchExecutor(launcher, 1, initializer=fail) as executor:
        futures = executor.launch_all(jobs(3))
        go_on.set()
        assert [type(future.exception(10)) for future in futures] == [BrokenThreadPool] * 3
        with pytest.raises(BrokenThreadPool):
            futures[0].wait_started(10)
        with pytest.raises(BrokenThreadPool):
            executor.submit(job())
        assert repr(executor) == "<LaunchExecutor fake: 0 running, 0 queued>"
    assert fake.runs == []


def test_after_shutdown_nothing_can_be_submitted(executor: LaunchExecutor) -> None:
    executor.shutdown()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(job())
    assert repr(executor) == "<LaunchExecutor fake: 0 running, 0 queued>"


def test_runs_continue_after_a_shutdown_that_does_not_wait(executor: LaunchExecutor, fake: FakeBackend) -> None:
    futures = executor.launch_all(jobs(5))
    executor.shutdown(wait=False)
    for number in range(5):
        fake.finish(f"job-{number}")
    assert [future.result(10) for future in futures] == [True] * 5


def test_wait_returns_after_a_shutdown_that_cancels_futures(executor: LaunchExecutor, fake: FakeBackend) -> None:
    *running, queued = executor.launch_all(jobs(5))
    for future in running:
        future.wait_started(10)
    executor.shutdown(wait=False, cancel_futures=True)
    assert all_done(queued)
    assert queued.cancelled()
    for number in range(4):
        fake.finish(f"job-{number}")
    assert [future.result(10) for future in running] == [True] * 4


def test_a_with_block_that_is_left_normally_waits_for_the_runs(launcher: FakeLauncher, fake: FakeBackend) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        futures = executor.launch_all(jobs(2))
        ends = threading.Thread(target=lambda: [fake.finish(f"job-{number}") for number in range(2)])
        ends.start()
    assert [(future.done(), future.result(0)) for future in futures] == [(True, True)] * 2
    ends.join()


def test_results_come_as_those_of_the_stdlib_do(executor: LaunchExecutor) -> None:
    future = executor.submit(job())
    with pytest.raises(TimeoutError):
        future.result(0.01)
    with pytest.raises(TimeoutError):
        future.exception(0.01)
    assert not future.done()


def test_an_executor_without_references_ends_its_threads_after_its_runs(
    launcher: FakeLauncher, fake: FakeBackend
) -> None:
    executor = LaunchExecutor(launcher, 2)
    futures = executor.launch_all(jobs(3))
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(executor._thread_name_prefix)]
    del executor
    for number in range(3):
        fake.finish(f"job-{number}")
    assert [future.result(10) for future in futures] == [True] * 3
    for thread in threads:
        thread.join(10)
    assert [thread.is_alive() for thread in threads] == [False, False]


def test_many_executors_share_a_launcher(launcher: FakeLauncher, fake: FakeBackend) -> None:
    with LaunchExecutor(launcher) as one, LaunchExecutor(launcher) as another:
        futures = [one.submit(job("a")), another.submit(job("b"))]
        one.stop()
        fake.finish("b")
        assert isinstance(error_of(futures[0]), CancelledError)
        assert futures[1].result(10) is True


def error_of(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception(10)
    except CancelledError as error:
        return error


def test_an_executor_works_outside_the_main_thread(launcher: FakeLauncher, fake: FakeBackend) -> None:
    def work() -> list[bool]:
        with LaunchExecutor(launcher, 2) as executor:
            futures = executor.launch_all(jobs(3))
            for number in range(3):
                fake.finish(f"job-{number}")
            return [future.result(10) for future in futures]

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(work).result(20) == [True] * 3


def test_a_new_executor_has_no_thread(launcher: FakeLauncher) -> None:
    before = {*threading.enumerate()}
    executors = [LaunchExecutor(launcher) for _ in range(10)]
    gc.collect()
    assert ({*threading.enumerate()} - before, len(executors)) == (set(), 10)
