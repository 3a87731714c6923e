"""`StopToken` and `StartLimiter`: one thread stops the launch of another, and starts are limited."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from launchpad.core.cancellation import StartLimiter, Stopped, StopToken
from tests.helping import QUICK_TIMEOUT


@pytest.fixture
def stop_token() -> StopToken:
    return StopToken()


def test_a_stop_calls_each_listener_once(stop_token: StopToken) -> None:
    called: list[bool] = []
    stop_token.on_stop(lambda: called.append(stop_token.hurried))
    stop_token.stop()
    stop_token.stop()
    assert (called, stop_token.stopped) == ([False], True)


def test_a_stop_with_hurry_calls_the_listeners_again_and_the_hurry_stays(stop_token: StopToken) -> None:
    called: list[bool] = []
    stop_token.on_stop(lambda: called.append(stop_token.hurried))
    stop_token.stop()
    stop_token.stop(hurry=True)
    stop_token.stop()
    stop_token.stop(hurry=True)
    assert called == [False, True]


def test_a_listener_that_is_added_after_the_stop_is_called_at_once(stop_token: StopToken) -> None:
    called: list[bool] = []
    stop_token.stop(hurry=True)
    stop_token.on_stop(lambda: called.append(stop_token.hurried))
    assert called == [True]


def test_a_removed_listener_is_not_called(stop_token: StopToken) -> None:
    called: list[str] = []
    with stop_token.listening(lambda: called.append("inside")), stop_token.listening(lambda: called.append("never")):
        pass
    stop_token.stop()
    assert called == []


def test_a_listener_may_request_a_stop(stop_token: StopToken) -> None:
    stop_token.on_stop(lambda: stop_token.stop(hurry=True))
    stop_token.stop()
    assert stop_token.hurried


def test_check_raises_once_stopped(stop_token: StopToken) -> None:
    stop_token.check()
    stop_token.stop()
    with pytest.raises(Stopped):
        stop_token.check()


def test_a_sleep_ends_after_its_delay(stop_token: StopToken) -> None:
    assert stop_token.sleep(0) is None


def test_a_stop_wakes_a_sleeper(stop_token: StopToken) -> None:
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(stop_token.sleep, 3600)
        stop_token.stop()
        with pytest.raises(Stopped):
            sleeper.result(QUICK_TIMEOUT)


def test_a_stop_and_a_new_listener_at_once_never_miss_each_other() -> None:
    for _ in range(200):
        stop_token, called, barrier = StopToken(), threading.Event(), threading.Barrier(2)

        def stop(stop_token: StopToken = stop_token, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            stop_token.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        barrier.wait()
        stop_token.on_stop(called.set)
        assert called.wait(QUICK_TIMEOUT)
        thread.join()


class Starts:
    """Threads that take a place of a StartLimiter and keep it until they are released."""

    def __init__(self, limiter: StartLimiter) -> None:
        self.limiter = limiter
        self.started = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.pool = ThreadPoolExecutor(16)

    def send(self, stop_token: StopToken) -> Future[None]:
        return self.pool.submit(self._start, stop_token)

    def _start(self, stop_token: StopToken) -> None:
        with self.limiter.slot(stop_token):
            self.started.release()
            assert self.may_end.acquire(timeout=QUICK_TIMEOUT)

    def has_started(self, timeout: float = QUICK_TIMEOUT) -> bool:
        return self.started.acquire(timeout=timeout)


@pytest.fixture
def starts() -> Starts:
    return Starts(StartLimiter(2))


def test_a_start_limiter_admits_as_many_starts_as_it_has_places(starts: Starts, stop_token: StopToken) -> None:
    futures = [starts.send(stop_token) for _ in range(5)]
    assert [starts.has_started(), starts.has_started(), starts.has_started(0.05)] == [True, True, False]
    starts.may_end.release(5)
    assert [future.result(QUICK_TIMEOUT) for future in futures] == [None] * 5


def test_a_launch_stopped_while_it_waits_for_a_place_does_not_start(starts: Starts, stop_token: StopToken) -> None:
    inside = [starts.send(StopToken()) for _ in range(2)]
    assert [starts.has_started(), starts.has_started()] == [True, True]
    waiting = starts.send(stop_token)
    stop_token.stop()
    with pytest.raises(Stopped):
        waiting.result(QUICK_TIMEOUT)
    starts.may_end.release(2)
    assert [future.result(QUICK_TIMEOUT) for future in inside] == [None, None]


def test_a_launch_stopped_before_does_not_start_even_if_a_place_is_free(starts: Starts, stop_token: StopToken) -> None:
    stop_token.stop()
    with pytest.raises(Stopped):
        starts.send(stop_token).result(QUICK_TIMEOUT)


def test_an_error_frees_the_place(stop_token: StopToken) -> None:
    limiter = StartLimiter(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limiter.slot(stop_token):
            raise ZeroDivisionError


def test_a_free_place_offered_to_a_stopped_launch_goes_to_the_next() -> None:
    for _ in range(100):
        starts, stopped = Starts(StartLimiter(1)), StopToken()
        first = starts.send(StopToken())
        assert starts.has_started()
        stopped_one, next_one = starts.send(stopped), starts.send(StopToken())
        starts.pool.submit(stopped.stop)
        starts.may_end.release(3)
        assert [first.result(QUICK_TIMEOUT), next_one.result(QUICK_TIMEOUT)] == [None, None]
        assert isinstance(stopped_one.exception(QUICK_TIMEOUT), Stopped | None)
        starts.pool.shutdown()


def test_a_stop_that_was_interrupted_is_completed_by_the_next(stop_token: StopToken) -> None:
    called: list[bool] = []

    def listener() -> None:
        called.append(stop_token.stopped)
        if len(called) == 1:
            raise KeyboardInterrupt

    stop_token.on_stop(listener)
    with pytest.raises(KeyboardInterrupt):
        stop_token.stop()
    stop_token.stop()
    stop_token.stop()
    assert called == [True, True]
