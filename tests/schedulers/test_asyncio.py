"""Runs that asyncio code awaits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from launchpad import LaunchError, LaunchExecutor, LaunchFuture, Reason, Run, SubprocessLauncher

LONG = ["sleep", "3600"]


@pytest.fixture
def executor() -> Iterator[LaunchExecutor]:
    with LaunchExecutor(SubprocessLauncher(stream_output=False, grace=5), max_workers=4) as executor:
        yield executor


async def started(future: LaunchFuture) -> None:
    await asyncio.get_running_loop().run_in_executor(None, future.wait_started, 10)


def assert_stopped(future: LaunchFuture) -> None:
    """Waits until the cancelled run has ended."""
    gone = threading.Event()
    future.add_done_callback(lambda _: gone.set())
    assert gone.wait(10)
    assert (future.cancelled(), future.outcome.reason) == (True, Reason.STOPPED)


def test_a_task_that_is_cancelled_stops_its_run(executor: LaunchExecutor) -> None:
    future = executor.submit(Run(command=LONG))

    async def main() -> None:
        task = asyncio.ensure_future(asyncio.wrap_future(future))
        await started(future)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main(), debug=True)
    assert_stopped(future)


def test_the_end_of_an_event_loop_stops_the_runs_that_its_tasks_await(executor: LaunchExecutor) -> None:
    future = executor.submit(Run(command=LONG))

    async def wait() -> None:
        await asyncio.wrap_future(future)

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(wait())
        await started(future)
        return task  # asyncio.run cancels it

    asyncio.run(main())
    assert_stopped(future)


def test_a_gather_that_is_cancelled_stops_all_its_runs(executor: LaunchExecutor) -> None:
    futures = executor.launch_all([Run(command=LONG)] * 3)

    async def main() -> None:
        together = asyncio.gather(*map(asyncio.wrap_future, futures))
        for future in futures:
            await started(future)
        together.cancel()
        with pytest.raises(asyncio.CancelledError):
            await together

    asyncio.run(main())
    for future in futures:
        assert_stopped(future)


def test_cancelling_the_future_of_a_run_cancels_the_task_that_awaits_it(executor: LaunchExecutor) -> None:
    future = executor.submit(Run(command=LONG))

    async def main() -> None:
        await started(future)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wrap_future(future)

    asyncio.run(main())
    assert_stopped(future)


def test_the_error_of_a_launch_is_raised_where_it_is_awaited(executor: LaunchExecutor) -> None:
    async def main() -> None:
        with pytest.raises(LaunchError, match="no-such-program"):
            await asyncio.wrap_future(executor.submit(Run(command=["no-such-program"])))

    asyncio.run(main())


def test_submit_works_in_the_threads_of_run_in_executor(executor: LaunchExecutor) -> None:
    launcher = SubprocessLauncher()

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        runs = [Run(command=["sh", "-c", f"exit {code}"]) for code in range(3)]
        return await asyncio.gather(*(loop.run_in_executor(executor, launcher.submit, run) for run in runs))

    assert asyncio.run(main(), debug=True) == [True, False, False]
