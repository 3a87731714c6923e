"""A tally counts futures and collects failures."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import Future, wait

import pytest

from launchpad import LaunchExecutor, Retry, Run
from launchpad.core.pending import Pending, report_pending
from launchpad.live.summary import summary
from launchpad.live.tally import MAX_KEPT_FAILURES, Tally
from launchpad.testing import FakeBackend, FakeLauncher, Script
from tests.helping import TIMEOUT, until


class Clock:
    """A clock that tests move forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tally(clock: Clock) -> Tally:
    return Tally(clock=clock)


def pending(tally: Tally, count: int = 1) -> list[Future[None]]:
    futures: list[Future[None]] = [Future() for _ in range(count)]
    for future in futures:
        tally.add(future)
    return futures


def test_futures_are_counted_by_their_state(tally: Tally) -> None:
    good, bad, cancelled, running, _ = pending(tally, 5)
    good.set_result(None)
    bad.set_exception(ValueError("no"))
    cancelled.cancel()
    running.set_running_or_notify_cancel()
    counts = tally.counts()
    assert (counts.total, counts.ended, counts.queued) == (5, 3, 1)
    assert (counts.succeeded, counts.failed, counts.cancelled, counts.running) == (1, 1, 1, 1)


def test_pending_runs_are_counted_by_the_reason_until_they_start(tally: Tally) -> None:
    fake = FakeBackend(Script(exit_code=None))
    with LaunchExecutor(FakeLauncher(fake)) as executor:
        futures = executor.launch_all(Run(command=["x"], name=name) for name in "abc")
        handles = [future.wait_started(TIMEOUT) for future in futures]
        reasons = ("pulling", "unschedulable", "unschedulable")
        for future, handle, reason in zip(futures, handles, reasons, strict=True):
            tally.add(future)
            report_pending(future.run, handle, Pending(reason, "why"))
        assert list(tally.counts().pending.items()) == [("unschedulable", (2, "why")), ("pulling", (1, "why"))]
        report_pending(futures[0].run, handles[0], Pending(""))
        fake.finish("b")
        futures[1].result(TIMEOUT)
        assert tally.counts().pending == {"unschedulable": (1, "why")}
        executor.stop()
    assert tally.counts().pending == {}


def test_attempts_beyond_the_first_of_each_run_are_counted(tally: Tally) -> None:
    pause = threading.Event()
    fake = FakeBackend({"bad": Script(exit_code=3), "good": Script()})
    with LaunchExecutor(FakeLauncher(fake)) as executor:
        done = [executor.submit(Run(command=["x"], name=name), retry=Retry(3)) for name in ("good", "bad")]
        wait(done)
        paused = executor.submit(Run(command=["x"], name="bad"), retry=Retry(wait=lambda _: pause.set() or 10**6))
        assert pause.wait(60)
        until(lambda: paused.attempts)
        for future in (*done, paused):
            tally.add(future)
        counts = tally.counts()
        paused.cancel()
    assert (counts.retries, counts.running) == (3, 1)
    assert "3 retries" in summary(counts)


def test_a_failed_run_is_reported_once_with_its_name_and_reason(tally: Tally) -> None:
    fake = FakeBackend({"good": Script(), "bad": Script(exit_code=3)})
    with LaunchExecutor(FakeLauncher(fake)) as executor:
        for name in ("good", "bad"):
            tally.add(executor.submit(Run(command=["x"], name=name)))
    assert tally.new_failures() == [("bad", "failed: Exited with status 3.")]
    assert tally.new_failures() == []
    assert tally.counts().succeeded == 1


def test_a_run_that_is_not_launched_counts_as_failed(tally: Tally) -> None:
    from launchpad import LaunchError

    fake = FakeBackend(Script(refusals=[LaunchError("no room")]))
    with LaunchExecutor(FakeLauncher(fake)) as executor:
        tally.add(executor.submit(Run(command=["x"], name="first")))
    assert tally.counts().failures == (("first", "not_launched: no room"),)


def test_an_ended_future_counts_at_once(tally: Tally) -> None:
    future: Future[None] = Future()
    future.set_result(None)
    tally.add(future)
    assert tally.counts().succeeded == 1


def test_ended_futures_are_not_kept(tally: Tally) -> None:
    futures = pending(tally, 3)
    for future in futures:
        future.set_result(None)
    gone = [weakref.ref(future) for future in futures]
    del futures, future
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


def test_only_the_first_failures_are_kept(tally: Tally) -> None:
    for future in pending(tally, 3 * MAX_KEPT_FAILURES):
        future.set_exception(ValueError())
    counts = tally.counts()
    assert (len(counts.failures), counts.failed) == (MAX_KEPT_FAILURES, 3 * MAX_KEPT_FAILURES)


def test_expected_futures_are_part_of_the_total(clock: Clock) -> None:
    tally = Tally(10, clock)
    pending(tally)[0].set_result(None)
    assert (tally.counts().total, tally.counts().queued) == (10, 9)


def test_the_rate_and_the_time_left_come_from_the_ends_so_far(tally: Tally, clock: Clock) -> None:
    first, second, *_ = pending(tally, 10)
    first.set_running_or_notify_cancel()
    assert tally.counts().rate is None
    first.set_result(None)
    second.set_result(None)
    clock.now += 4
    assert (tally.counts().rate, tally.counts().seconds_left) == (0.5, 16.0)


def test_the_rate_leaves_out_the_time_before_the_first_start(tally: Tally, clock: Clock) -> None:
    first, *_ = pending(tally, 10)
    clock.now += 100
    tally.counts()
    first.set_running_or_notify_cancel()
    tally.counts()
    first.set_result(None)
    clock.now += 2
    assert tally.counts().rate == 0.5
    assert tally.counts().seconds == 102


def test_a_tally_is_idle_since_the_last_end(tally: Tally, clock: Clock) -> None:
    assert tally.idle_for() < 0
    (future,) = pending(tally)
    clock.now += 1
    assert tally.idle_for() < 0
    future.set_result(None)
    clock.now += 5
    assert tally.idle_for() == 5
