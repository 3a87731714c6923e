"""How one thread stops what another is launching, and how many may launch at once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from launchpad.core.cancellation import Control, Gate, Stopped

SOON = 20.0


@pytest.fixture
def control() -> Control:
    return Control()


def test_a_stop_is_told_once(control: Control) -> None:
    told: list[bool] = []
    control.on_stop(lambda: told.append(control.hurried))
    control.stop()
    control.stop()
    assert (told, control.stopped) == ([False], True)


def test_a_stop_in_a_hurry_is_told_again_and_the_hurry_stays(control: Control) -> None:
    told: list[bool] = []
    control.on_stop(lambda: told.append(control.hurried))
    control.stop()
    control.stop(hurry=True)
    control.stop()
    control.stop(hurry=True)
    assert told == [False, True]


def test_who_listens_too_late_is_told_at_once(control: Control) -> None:
    told: list[bool] = []
    control.stop(hurry=True)
    control.on_stop(lambda: told.append(control.hurried))
    assert told == [True]


def test_who_has_left_is_not_told(control: Control) -> None:
    told: list[str] = []
    with control.listening(lambda: told.append("inside")), control.listening(lambda: told.append("never")):
        pass
    control.stop()
    assert told == []


def test_a_listener_may_use_the_control(control: Control) -> None:
    control.on_stop(lambda: control.stop(hurry=True))
    control.stop()
    assert control.hurried


def test_check_raises_once_stopped(control: Control) -> None:
    control.check()
    control.stop()
    with pytest.raises(Stopped):
        control.check()


def test_a_sleep_ends_by_itself(control: Control) -> None:
    assert control.sleep(0) is None


def test_a_stop_wakes_a_sleeper(control: Control) -> None:
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(control.sleep, 3600)
        control.stop()
        with pytest.raises(Stopped):
            sleeper.result(SOON)


def test_a_stop_and_a_new_listener_at_once_never_miss_each_other() -> None:
    for _ in range(200):
        control, told, barrier = Control(), threading.Event(), threading.Barrier(2)

        def stop(control: Control = control, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            control.stop()

        thread = threading.Thread(target=stop)
        thread.start()
        barrier.wait()
        control.on_stop(told.set)
        assert told.wait(SOON)
        thread.join()


class Visitors:
    """Threads that pass a gate and stay inside until they are let out."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside = threading.Semaphore(0)
        self.out = threading.Semaphore(0)
        self.pool = ThreadPoolExecutor(16)

    def send(self, control: Control) -> Future[None]:
        return self.pool.submit(self._visit, control)

    def _visit(self, control: Control) -> None:
        with self.gate.passing(control):
            self.inside.release()
            assert self.out.acquire(timeout=SOON)

    def entered(self, timeout: float = SOON) -> bool:
        return self.inside.acquire(timeout=timeout)


@pytest.fixture
def visitors() -> Visitors:
    return Visitors(Gate(2))


def test_a_gate_lets_in_as_many_as_it_has_places(visitors: Visitors, control: Control) -> None:
    visits = [visitors.send(control) for _ in range(5)]
    assert [visitors.entered(), visitors.entered(), visitors.entered(0.05)] == [True, True, False]
    visitors.out.release(5)
    assert [visit.result(SOON) for visit in visits] == [None] * 5


def test_who_is_stopped_at_the_gate_does_not_enter(visitors: Visitors, control: Control) -> None:
    inside = [visitors.send(Control()) for _ in range(2)]
    assert [visitors.entered(), visitors.entered()] == [True, True]
    waiting = visitors.send(control)
    control.stop()
    with pytest.raises(Stopped):
        waiting.result(SOON)
    visitors.out.release(2)
    assert [visit.result(SOON) for visit in inside] == [None, None]


def test_who_was_stopped_before_does_not_enter_though_there_is_room(visitors: Visitors, control: Control) -> None:
    control.stop()
    with pytest.raises(Stopped):
        visitors.send(control).result(SOON)


def test_an_error_inside_gives_the_place_back(control: Control) -> None:
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.passing(control):
            raise ZeroDivisionError


def test_a_place_that_comes_free_for_one_who_is_stopped_goes_to_the_next() -> None:
    for _ in range(100):
        visitors, stopped = Visitors(Gate(1)), Control()
        first = visitors.send(Control())
        assert visitors.entered()
        gives_up, enters = visitors.send(stopped), visitors.send(Control())
        visitors.pool.submit(stopped.stop)
        visitors.out.release(3)
        assert [first.result(SOON), enters.result(SOON)] == [None, None]
        assert isinstance(gives_up.exception(SOON), Stopped | None)
        visitors.pool.shutdown()


def test_a_demand_that_was_interrupted_is_told_by_the_next(control: Control) -> None:
    told: list[bool] = []

    def listener() -> None:
        told.append(control.stopped)
        if len(told) == 1:
            raise KeyboardInterrupt

    control.on_stop(listener)
    with pytest.raises(KeyboardInterrupt):
        control.stop()
    control.stop()
    control.stop()
    assert told == [True, True]
