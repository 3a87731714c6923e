"""Futures, results and errors go when the last reference to them goes, without the garbage collector."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress

import pytest

from launchpad import LaunchError, LaunchExecutor, LaunchFuture
from launchpad.core.cancellation import StopToken
from launchpad.testing import Script
from tests.helping import all_done

from .helping import executor_for, job


def refuse(stop_token: StopToken) -> None:
    raise LaunchError("refused")  # a new one each time: one that is kept would keep what its traceback refers to


SCRIPTS = {
    "success": Script(),
    "failure": Script(exit_code=1),
    "error": Script(before_start=refuse),
    "stop": Script(exit_code=None),
}


@pytest.fixture(autouse=True)
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def gone(reference: weakref.ref[LaunchFuture], executor: LaunchExecutor) -> bool:
    """Whether it is gone, once the worker that had it has come to its next task."""
    executor.submit(int).result(10)
    return reference() is None


@pytest.mark.parametrize("end", SCRIPTS)
def test_a_future_that_was_waited_for_is_freed(end: str) -> None:
    with executor_for(SCRIPTS[end], 1) as executor:
        future = executor.submit(job(), on_start=lambda handle: None, on_output=lambda run, line: None)
        future.add_done_callback(lambda future: None)
        if end == "stop":
            future.wait_started(10)
            future.cancel()
        assert all_done(future)
        for ask in ("result", "exception", "wait_started", "__repr__"):
            with suppress(LaunchError, CancelledError):
                getattr(future, ask)()
        reference = weakref.ref(future)
        del future
        assert gone(reference, executor)


def test_a_future_whose_on_start_failed_is_freed() -> None:
    def fail(handle: object) -> None:
        raise KeyError("on_start")

    with executor_for(Script(exit_code=None), 1) as executor:
        future = executor.submit(job(), on_start=fail)
        with pytest.raises(KeyError):
            future.result(10)
        reference = weakref.ref(future)
        del future
        assert gone(reference, executor)


def test_a_future_cancelled_in_the_queue_is_freed_when_its_turn_comes() -> None:
    go_on = threading.Event()
    with executor_for(Script(before_start=lambda _: go_on.wait(10)), 1) as executor:
        executor.submit(job())
        future = executor.submit(job())
        assert future.cancel()
        with pytest.raises(CancelledError):
            future.wait_started()
        reference = weakref.ref(future)
        del future
        go_on.set()
        assert gone(reference, executor)


def test_a_future_whose_pool_broke_is_freed() -> None:
    submitted = threading.Event()

    def fail() -> None:
        submitted.wait(10)
        raise OSError("no device")

    executor = executor_for(Script(), 1, initializer=fail)
    future = executor.submit(job())
    submitted.set()
    assert all_done(future)
    reference = weakref.ref(future)
    executor.shutdown()
    del future
    assert reference() is None


def test_a_run_goes_on_without_a_reference_to_its_future() -> None:
    ended = threading.Event()
    with executor_for(Script(), 1) as executor:
        executor.submit(job()).add_done_callback(lambda future: ended.set())
        assert ended.wait(10)


def test_an_executor_is_freed_while_its_futures_are_kept() -> None:
    executor = executor_for(Script(), 1)
    future = executor.submit(job())
    assert future.result(10)
    reference = weakref.ref(executor)
    del executor
    assert reference() is None
