"""`Stopper`: carries out stops in a background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from launchpad.core.stopper import Stopper
from tests.helping import QUICK_TIMEOUT, all_done, in_thread


class Steps:
    """A stop whose steps are due after the given delays; it records when each was taken."""

    ended = False

    def __init__(self, *delays: float | None) -> None:
        self.taken: list[float] = []
        self.threads: set[int] = set()
        self.started = threading.Event()
        self.done = threading.Event()
        self._delays = list(delays)

    def take_due_step(self) -> float | None:
        self.taken.append(time.monotonic())
        self.threads.add(threading.get_ident())
        self.started.set()
        delay = self._delays.pop(0) if self._delays else None
        if delay is None:
            self.done.set()
            return None
        return time.monotonic() + delay


class Blocked:
    """A stop whose step blocks until the test releases it."""

    ended = False

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def take_due_step(self) -> None:
        self.entered.set()
        assert self.go_on.wait(QUICK_TIMEOUT)


class Threads:
    """Starts the threads of a stopper."""

    def __init__(self) -> None:
        self.started: list[Future[None]] = []

    def __call__(self, work: Callable[[], None]) -> None:
        self.started.append(in_thread(work))

    def have_ended(self) -> bool:
        return all_done(*self.started, timeout=QUICK_TIMEOUT)


def test_a_step_is_taken_at_once_in_another_thread() -> None:
    stop = Steps(None)
    Stopper().schedule(stop)
    assert stop.done.wait(QUICK_TIMEOUT)
    assert threading.get_ident() not in stop.threads


def test_the_next_step_is_taken_when_it_is_due_and_no_earlier() -> None:
    stop = Steps(0.05, 0.05, None)
    Stopper().schedule(stop)
    assert stop.done.wait(QUICK_TIMEOUT)
    first, second, third = stop.taken
    assert second - first >= 0.05
    assert third - second >= 0.05


def test_a_stop_that_is_scheduled_again_is_attended_to_at_once() -> None:
    threads, stop = Threads(), Steps(3600, None)
    stopper = Stopper(threads)
    stopper.schedule(stop)
    stopper.schedule(stop)
    assert stop.done.wait(QUICK_TIMEOUT)
    assert threads.have_ended()


def test_one_thread_takes_all_steps_and_ends_after_the_last() -> None:
    threads, blocked = Threads(), Blocked()
    stopper = Stopper(threads)
    stopper.schedule(blocked)
    assert blocked.entered.wait(QUICK_TIMEOUT)
    stops = [Steps(0.01, None) for _ in range(500)]
    for stop in stops:
        stopper.schedule(stop)
    blocked.go_on.set()
    assert all(stop.done.wait(QUICK_TIMEOUT) for stop in stops)
    assert len(set.union(*(stop.threads for stop in stops))) == 1
    assert threads.have_ended()


def test_a_stop_scheduled_while_the_thread_ends_is_carried_out() -> None:
    stopper = Stopper()
    for _ in range(300):  # each at about the moment when the thread of the previous one ends
        stop = Steps(None)
        stopper.schedule(stop)
        assert stop.done.wait(QUICK_TIMEOUT)


def test_stops_scheduled_by_many_threads_at_once_are_all_carried_out() -> None:
    stopper, ready = Stopper(), threading.Barrier(16)
    stops = [Steps(0.001, None) for _ in range(16 * 20)]

    def ask(mine: list[Steps]) -> None:
        ready.wait(QUICK_TIMEOUT)
        for stop in mine:
            stopper.schedule(stop)

    threads = [threading.Thread(target=ask, args=(stops[n::16],)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(QUICK_TIMEOUT)
    assert all(stop.done.wait(QUICK_TIMEOUT) for stop in stops)


def test_a_step_that_fails_is_logged_and_does_not_affect_other_stops(caplog: pytest.LogCaptureFixture) -> None:
    class Failing:
        ended = False

        def take_due_step(self) -> float | None:
            raise OSError("a defect")

    stopper, blocked, stop = Stopper(), Blocked(), Steps(0.01, None)
    for each in (blocked, Failing(), stop):
        stopper.schedule(each)
    blocked.go_on.set()
    assert stop.done.wait(QUICK_TIMEOUT)
    assert caplog.messages == ["A step of a stop failed"]


def test_cancelling_a_stop_starts_no_thread() -> None:
    threads = Threads()
    Stopper(threads).cancel(Steps(None))
    assert threads.started == []


def test_an_interrupt_of_a_caller_that_does_the_work_loses_no_stop() -> None:
    class Interrupted(Steps):
        def take_due_step(self) -> float | None:
            if not self.started.is_set():
                self.started.set()
                raise KeyboardInterrupt
            return super().take_due_step()

    def no_room(work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    starts = iter([lambda work: None, no_room, in_thread])
    stopper, stubborn, interrupted = Stopper(lambda work: next(starts)(work)), Steps(3600, None), Interrupted(None)
    stopper.schedule(stubborn)
    with pytest.raises(KeyboardInterrupt):
        stopper.schedule(interrupted)
    stopper.schedule(Steps(None))
    assert stubborn.done.wait(QUICK_TIMEOUT)
    assert interrupted.done.wait(QUICK_TIMEOUT)


def test_cancelling_a_stop_takes_its_last_step_now() -> None:
    stopper, stop = Stopper(), Steps(3600, None)
    stopper.schedule(stop)
    assert stop.started.wait(QUICK_TIMEOUT)
    stopper.cancel(stop)
    assert stop.done.wait(QUICK_TIMEOUT)


def test_a_watched_stop_is_attended_to_when_it_is_due_and_wakes_no_thread_before() -> None:
    threads, late, early = Threads(), Steps(None), Steps(None)
    stopper = Stopper(threads)
    stopper.watch(late, time.monotonic() + 3600)
    stopper.watch(early, time.monotonic() + 0.05)
    assert early.done.wait(QUICK_TIMEOUT)
    assert (late.taken, len(threads.started)) == ([], 1)
    late.ended = True
    assert threads.have_ended()


def test_a_caller_that_does_the_work_returns_when_its_own_stop_is_over() -> None:
    def no_room(work: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    stopper, watched, stop = Stopper(no_room), Steps(None), Steps(0.01, None)
    stopper.watch(watched, time.monotonic() + 3600)
    stopper.schedule(stop)
    assert len(stop.taken) == 2
    assert watched.taken == []
