"""`Supervisor`: stops and time-outs of one started run."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

import pytest

from launchpad import LaunchError, Reason
from launchpad.core.backend import Chunk
from launchpad.core.output import discard
from launchpad.core.stopper import Stopper
from tests.helping import QUICK_TIMEOUT, eventually, in_thread

from .scripted import ENDED, ScriptedUnit, Unwakeable, polled, supervise


def test_a_stop_requested_before_the_first_wait_is_carried_out() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    supervisor = supervise(unit)
    supervisor.request_stop()
    assert supervisor.wait(discard).reason is Reason.STOPPED
    assert unit.asked == ["terminate 60", "close"]


@pytest.mark.parametrize("make_unit", [ScriptedUnit, Unwakeable])
@pytest.mark.parametrize(
    ("ends_when", "grace", "requests", "asked"),
    [
        ("terminate", 60, [False], ["terminate 60", "close"]),
        ("kill", 0, [False], ["terminate 0", "kill", "close"]),
        ("kill", 0.05, [False], ["terminate 0.05", "kill", "close"]),
        ("kill", 3600, [False, True], ["terminate 3600", "kill", "close"]),
        ("kill", 3600, [True], ["terminate 0", "kill", "close"]),
    ],
)
def test_a_stop_is_carried_out_by_the_polling_thread_or_by_the_stopper(
    make_unit: type[ScriptedUnit], ends_when: str, grace: float, requests: list[bool], asked: list[str]
) -> None:
    unit = make_unit(ends_when=ends_when)
    supervisor, outcome = polled(unit, grace)
    for hurry in requests:
        supervisor.request_stop(hurry=hurry)
        eventually(lambda: unit.asked, bool)
    assert outcome.result(QUICK_TIMEOUT).reason is Reason.STOPPED
    assert unit.asked == asked


def test_a_stopped_run_is_not_ok_whatever_its_status() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    supervisor.request_stop()
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(QUICK_TIMEOUT)
    unit.put(ENDED)
    outcome = waiting.result(QUICK_TIMEOUT)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 0, Reason.STOPPED)


@pytest.mark.parametrize("timeout", [None, 0.0])
def test_a_run_that_has_ended_is_not_stopped_any_more(timeout: float | None) -> None:
    unit = ScriptedUnit(Chunk("stdout", b"late\n"), Chunk("stdout", b"later\n"), ENDED)
    supervisor = supervise(unit, timeout=timeout)
    if timeout is None:
        supervisor.request_stop()
    assert supervisor.wait(discard).reason is Reason.COMPLETED
    assert unit.asked == ["close"]
    assert unit.timeouts[1:] == [None, None]


def test_a_time_out_asks_then_kills() -> None:
    unit = ScriptedUnit(ends_when="kill")
    outcome = supervise(unit, grace=0.01, timeout=0.01).wait(discard)
    assert unit.asked == ["terminate 0.01", "kill", "close"]
    assert (outcome.reason, outcome.message) == (
        Reason.TIMED_OUT,
        "The run was stopped: it took longer than its time-out of 0.01 s.",
    )


def test_a_time_out_does_not_pass_while_the_engine_holds_the_run_back() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    unit.held = True
    supervisor = supervise(unit, timeout=0.01)
    assert supervisor.wait(discard, time.monotonic() + 0.1) is None
    assert unit.asked == []
    unit.held = False
    outcome = supervisor.wait(discard)
    assert outcome is not None
    assert outcome.reason is Reason.TIMED_OUT


def test_a_time_out_counts_in_a_short_wait() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    supervisor = supervise(unit, timeout=0.0)
    assert supervisor.wait(discard, time.monotonic()).reason is Reason.TIMED_OUT


def test_the_run_is_asked_once_and_killed_once() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit, grace=0.001)
    for _ in range(3):
        supervisor.request_stop()
        assert supervisor.wait(discard, time.monotonic() + 0.01) is None
    assert unit.asked == ["terminate 0.001", "kill"]


def test_a_stop_that_fails_is_tried_again_by_the_next_wait() -> None:
    class Protected(ScriptedUnit):
        def terminate(self, grace: float) -> bool:
            super().terminate(grace)
            if len(self.asked) == 1:
                raise LaunchError("not allowed")
            return True

    supervisor, waiting = polled(Protected(ends_when="kill"), grace=0)
    supervisor.request_stop()
    with pytest.raises(LaunchError, match="not allowed"):
        waiting.result(QUICK_TIMEOUT)
    assert supervisor.wait(discard).reason is Reason.STOPPED


def test_a_stop_and_an_end_at_the_same_moment_give_one_clear_outcome() -> None:
    for _ in range(200):
        unit = ScriptedUnit(ends_when="terminate")
        supervisor, waiting = polled(unit)
        barrier = threading.Barrier(3)
        in_thread(lambda: (barrier.wait(), supervisor.request_stop()))  # noqa: B023
        in_thread(lambda: (barrier.wait(), unit.put(ENDED)))  # noqa: B023
        barrier.wait()
        outcome = waiting.result(QUICK_TIMEOUT)
        stopped = any(what.startswith("terminate") for what in unit.asked)
        assert outcome.reason is (Reason.STOPPED if stopped else Reason.COMPLETED)


def test_the_stopper_ends_when_the_run_ends() -> None:
    threads: list[Future[None]] = []
    stopper = Stopper(lambda work: threads.append(in_thread(work)))
    supervisor, outcome = polled(Unwakeable(ends_when="terminate"), 3600, stopper)
    supervisor.request_stop()
    outcome.result(QUICK_TIMEOUT)
    for thread in threads:
        thread.result(QUICK_TIMEOUT)  # long before the grace is over


class Ended(Unwakeable):
    """A unit whose run is known to have ended."""

    def has_ended(self) -> bool:
        return True


class Ending(Unwakeable):
    """A unit that notices its run's end when it is asked to stop the run."""

    def terminate(self, grace: float) -> bool:
        super().terminate(grace)
        return False


@pytest.mark.parametrize(("unit", "asked"), [(Ended(), ["close"]), (Ending(), ["terminate 60", "close"])])
def test_a_run_that_ended_before_its_stop_was_not_stopped(unit: ScriptedUnit, asked: list[str]) -> None:
    supervisor, outcome = polled(unit, stopper=Stopper(lambda work: None))  # the test takes the step instead
    supervisor.request_stop()
    assert supervisor.take_due_step() is None
    unit.put(ENDED)
    assert outcome.result(QUICK_TIMEOUT).reason is Reason.COMPLETED
    assert unit.asked == asked


def test_a_run_that_the_stopper_cannot_stop_causes_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    class Unstoppable(Unwakeable):
        def terminate(self, grace: float) -> bool:
            raise LaunchError("It belongs to another user.")

    unit = Unstoppable()
    supervisor, outcome = polled(unit, stopper=Stopper(lambda work: None))  # the test takes the step instead
    supervisor.request_stop()
    with caplog.at_level("WARNING", logger="launchpad"):
        assert supervisor.take_due_step() is None
    assert ["may go on" in message and "another user" in message for message in caplog.messages] == [True]
    unit.put(ENDED)
    assert outcome.result(QUICK_TIMEOUT).ok
