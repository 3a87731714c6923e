"""`launch_iter`: an input of any size, a bounded number of runs ahead, futures in order of completion."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Run
from launchpad.testing import FakeBackend, Script

from .helping import executor_for, job, jobs


class Source(Iterator[Run]):
    """Endless runs, or so many and then an item or an error; counts what was taken."""

    def __init__(self, length: int = 10**9, then: object = None) -> None:
        self.taken = 0
        self._length, self._then = length, then

    def __next__(self) -> Run:
        if self.taken < self._length:
            self.taken += 1
            return job(f"job-{self.taken}")
        if isinstance(self._then, BaseException):
            raise self._then
        return self._then  # type: ignore[return-value]


def test_each_future_is_yielded_once() -> None:
    with executor_for(FakeBackend(), 3) as executor:
        names = [future.run.name for future in executor.launch_iter(jobs(50))]
        assert sorted(names) == sorted(run.name for run in jobs(50))
        assert list(executor.launch_iter([])) == []


def test_futures_come_in_the_order_of_their_ends() -> None:
    ended = {f"job-{number}": threading.Event() for number in range(4)}
    fake, order = FakeBackend(Script(exit_code=None)), ["job-2", "job-0", "job-3", "job-1"]
    with executor_for(fake, 4) as executor:

        def finish() -> None:
            for name in order:
                fake.finish(name)
                assert ended[name].wait(60)

        thread = threading.Thread(target=finish)
        thread.start()
        names = []
        for future in executor.launch_iter(jobs(4)):
            names.append(future.run.name)
            ended[future.run.name].set()
        thread.join()
    assert names == order


def test_no_more_runs_are_taken_from_the_input_than_ahead() -> None:
    with executor_for(FakeBackend(), 2) as executor:
        source = Source()
        futures = executor.launch_iter(source, ahead=5)
        assert source.taken == 0
        for number in range(20):
            next(futures)
            assert source.taken == number + 5
        del futures
        source = Source()
        for _ in executor.launch_iter(source):
            break
        assert source.taken == 4


def stopped_by_a_break(futures: Iterator[LaunchFuture]) -> None:
    for _ in futures:
        break


def stopped_by_an_error(futures: Iterator[LaunchFuture]) -> None:
    with suppress(ZeroDivisionError):
        for _ in futures:
            raise ZeroDivisionError


@pytest.mark.parametrize("leave", [stopped_by_a_break, stopped_by_an_error])
def test_leaving_early_cancels_what_was_submitted_and_not_yielded(
    leave: Callable[[Iterator[LaunchFuture]], None],
) -> None:
    fake = FakeBackend({"job-1": Script(), **{f"job-{number}": Script(exit_code=None) for number in range(2, 9)}})
    with executor_for(fake, 2) as executor:
        leave(executor.launch_iter(Source(), ahead=8))
    assert [run.exit is not None for run in fake.runs] == [True] * len(fake.runs)
    assert len(fake.runs) <= 8


@pytest.mark.parametrize(
    ("then", "error", "text"),
    [
        (KeyError("input"), KeyError, "input"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
        ("no run", TypeError, "launch_iter takes Runs, not str: number 3 of its input"),
    ],
)
def test_an_input_that_fails_cancels_what_was_submitted(then: object, error: type[BaseException], text: str) -> None:
    fake = FakeBackend(Script(exit_code=None))
    with executor_for(fake, 2) as executor, pytest.raises(error, match=text):
        next(executor.launch_iter(Source(2, then)))
    assert [run.exit is not None for run in fake.runs] == [True] * len(fake.runs)


def test_an_endless_input_can_be_used() -> None:
    with executor_for(FakeBackend(), 2) as executor:
        futures = itertools.islice(executor.launch_iter(Source()), 100)
        assert len({future.run.name for future in futures}) == 100


def test_wrong_arguments_are_errors_at_once() -> None:
    with executor_for(FakeBackend(), 2) as executor:
        for runs in (5, job()):
            with pytest.raises(TypeError, match="not iterable"):
                executor.launch_iter(runs)  # type: ignore[arg-type]
        for ahead in (0, -1, 1.5, "2"):
            with pytest.raises((TypeError, ValueError), match="ahead"):
                executor.launch_iter([], ahead=ahead)  # type: ignore[arg-type]


def test_after_shutdown_it_raises_and_cancels_the_rest() -> None:
    def use(executor: LaunchExecutor) -> None:
        for _ in executor.launch_iter(Source(), ahead=2):
            executor.shutdown(wait=False)

    with executor_for(FakeBackend(), 1) as executor, pytest.raises(RuntimeError, match="after shutdown"):
        use(executor)
