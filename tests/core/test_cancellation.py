"""How one thread stops what another is launching, and how many may launch at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from launchpad.core.cancellation import StartLimiter, Stopped, StopToken

SOON = 20.0


@pytest.fixture
def stop_token() -> StopToken:
    return StopToken()


def test_a_stop_is_told_once(stop_token: StopToken) -> None:
    told: list[bool] = []
    stop_token.on_stop(lambda: told.append(stop_token.hurried))
    stop_token.stop()
    stop_token.stop()
    assert (told, stop_token.stopped) == ([False], True)


def test_a_stop_in_a_hurry_is_told_again_and_the_hurry_stays(stop_token: StopToken) -> None:
    told: list[bool] = []
    stop_token.on_stop(lambda: told.append(stop_token.hurried))
    stop_token.stop()
    stop_token.stop(hurry=True)
    stop_token.stop()
    stop_token.stop(hurry=True)
    assert told == [False, True]


def test_who_listens_too_late_is_told_at_once(stop_token: StopToken) -> None:
    told: list[bool] = []
    stop_token.stop(hurry=True)
    stop_token.on_stop(lambda: told.append(stop_token.hurried))
    assert told == [True]


def test_who_has_left_is_not_told(stop_token: StopToken) -> None:
    told: list[str] = []
    with stop_token.listening(lambda: told.append("inside")), stop_token.listening(lambda: told.append("never")):
        pass
    stop_token.stop()
    assert told == []


def test_a_listener_may_use_the_control(stop_token: StopToken) -> None:
    stop_token.on_stop(lambda: stop_token.stop(hurry=True))
    stop_token.stop()
    assert stop_token.hurried


def test_check_raises_once_stopped(stop_token: StopToken) -> None:
    stop_token.check()
    stop_token.stop()
    with pytest.raises(Stopped):
        stop_token.check()


def test_a_sleep_ends_by_itself(stop_token: StopToken) -> None:
    assert stop_token.sleep(0) is None


def test_a_stop_wakes_a_sleeper(stop_token: StopToken) -> None:
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(stop_token.sleep, 3600)
        stop_token.stop()
        with pytest.raises(Stopped):
            sleeper.result(SOON)


def test_a_stop_and_a_new_listener_at_once_never_miss_each_other() -> None:
    for _ in range(200):
        stop_token, told, barrier = StopToken(), threading.Event(), threading.Barrier(2)

        def stop(stop_token: StopToken = stop_token, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            stop_token.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        barrier.wait()
        stop_token.on_stop(told.set)
        assert told.wait(SOON)
        thread.join()


class Visitors:
    """Threads that pass a gate and stay inside until they are let out."""

    def __init__(self, limiter: StartLimiter) -> None:
        self.limiter = limiter
        self.inside = threading.Semaphore(0)
        self.out = threading.Semaphore(0)
        self.pool = ThreadPoolExecutor(16)

    def send(self, stop_token: StopToken) -> Future[None]:
        return self.pool.submit(self._visit, stop_token)

    def _visit(self, stop_token: StopToken) -> None:
        with self.limiter.slot(stop_token):
            self.inside.release()
            assert self.out.acquire(timeout=SOON)

    def entered(self, timeout: float = SOON) -> bool:
        return self.inside.acquire(timeout=timeout)


@pytest.fixture
def visitors() -> Visitors:
    return Visitors(StartLimiter(2))


def test_a_gate_lets_in_as_many_as_it_has_places(visitors: Visitors, stop_token: StopToken) -> None:
    visits = [visitors.send(stop_token) for _ in range(5)]
    assert [visitors.entered(), visitors.entered(), visitors.entered(0.05)] == [True, True, False]
    visitors.out.release(5)
    assert [visit.result(SOON) for visit in visits] == [None] * 5


def test_who_is_stopped_at_the_gate_does_not_enter(visitors: Visitors, stop_token: StopToken) -> None:
    inside = [visitors.send(StopToken()) for _ in range(2)]
    assert [visitors.entered(), visitors.entered()] == [True, True]
    waiting = visitors.send(stop_token)
    stop_token.stop()
    with pytest.raises(Stopped):
        waiting.result(SOON)
    visitors.out.release(2)
    assert [visit.result(SOON) for visit in inside] == [None, None]


def test_who_was_stopped_before_does_not_enter_though_there_is_room(visitors: Visitors, stop_token: StopToken) -> None:
    stop_token.stop()
    with pytest.raises(Stopped):
        visitors.send(stop_token).result(SOON)


def test_an_error_inside_gives_the_place_back(stop_token: StopToken) -> None:
    limiter = StartLimiter(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limiter.slot(stop_token):
            raise ZeroDivisionError


def test_a_place_that_comes_free_for_one_who_is_stopped_goes_to_the_next() -> None:
    for _ in range(100):
        visitors, stopped = Visitors(StartLimiter(1)), StopToken()
        first = visitors.send(StopToken())
        assert visitors.entered()
        gives_up, enters = visitors.send(stopped), visitors.send(StopToken())
        visitors.pool.submit(stopped.stop)
        visitors.out.release(3)
        assert [first.result(SOON), enters.result(SOON)] == [None, None]
        assert isinstance(gives_up.exception(SOON), Stopped | None)
        visitors.pool.shutdown()


def test_a_demand_that_was_interrupted_is_told_by_the_next(stop_token: StopToken) -> None:
    told: list[bool] = []

    def listener() -> None:
        told.append(stop_token.stopped)
        if len(told) == 1:
            raise KeyboardInterrupt

    stop_token.on_stop(listener)
    with pytest.raises(KeyboardInterrupt):
        stop_token.stop()
    stop_token.stop()
    stop_token.stop()
    assert told == [True, True]
