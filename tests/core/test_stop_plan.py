"""`StopPlan`: the next step for every state of a stop."""

from __future__ import annotations

import pytest

from launchpad import Reason
from launchpad.core.stop_plan import StopPlan, StopStep

NOTHING, TERMINATE, KILL = StopStep.NOTHING, StopStep.TERMINATE, StopStep.KILL

NO_TIME_OUT = StopPlan(None)
TIME_OUT = StopPlan(10.0)
ASKED = StopPlan(20.0, Reason.STOPPED)
KILLED = StopPlan(None, Reason.STOPPED, killed=True)
PAUSED = StopPlan(None, left=3.0)


@pytest.mark.parametrize(
    ("plan", "now", "paused", "after"),
    [
        (NO_TIME_OUT, 7.0, True, NO_TIME_OUT),
        (NO_TIME_OUT, 7.0, False, NO_TIME_OUT),
        (TIME_OUT, 7.0, False, TIME_OUT),
        (TIME_OUT, 7.0, True, PAUSED),
        (PAUSED, 50.0, True, PAUSED),
        (PAUSED, 50.0, False, StopPlan(53.0)),
        (ASKED, 7.0, True, ASKED),
        (KILLED, 7.0, False, KILLED),
    ],
)
def test_a_time_out_stands_still_while_the_engine_holds_the_run_back(
    plan: StopPlan, now: float, paused: bool, after: StopPlan
) -> None:
    assert plan.with_pause(now, paused) == after


@pytest.mark.parametrize(
    ("plan", "now", "requested", "hurry", "has_ended", "step"),
    [
        (NO_TIME_OUT, 1e9, False, False, False, NOTHING),
        (NO_TIME_OUT, 1e9, False, False, True, NOTHING),
        (NO_TIME_OUT, 0.0, True, False, False, TERMINATE),
        (NO_TIME_OUT, 0.0, True, False, True, NOTHING),
        (NO_TIME_OUT, 0.0, True, True, False, TERMINATE),
        (NO_TIME_OUT, 0.0, True, True, True, NOTHING),
        (TIME_OUT, 9.9, False, False, False, NOTHING),
        (TIME_OUT, 10.0, False, False, False, TERMINATE),
        (TIME_OUT, 10.0, False, False, True, NOTHING),
        (TIME_OUT, 9.9, True, False, False, TERMINATE),
        (TIME_OUT, 10.0, True, True, False, TERMINATE),
        (ASKED, 19.9, True, False, False, NOTHING),
        (ASKED, 19.9, True, True, False, KILL),
        (ASKED, 20.0, True, False, False, KILL),
        (ASKED, 20.0, False, False, False, KILL),
        (ASKED, 20.0, True, False, True, KILL),  # its process has ended, and its children may go on
        (KILLED, 1e9, True, True, False, NOTHING),
        (KILLED, 1e9, True, True, True, NOTHING),
    ],
)
def test_the_next_step(
    plan: StopPlan, now: float, requested: bool, hurry: bool, has_ended: bool, step: StopStep
) -> None:
    assert plan.next_step(now, requested=requested, hurry=hurry, has_ended=has_ended) is step


@pytest.mark.parametrize(
    ("plan", "requested", "after"),
    [
        (NO_TIME_OUT, True, StopPlan(13.0, Reason.STOPPED)),
        (TIME_OUT, True, StopPlan(13.0, Reason.STOPPED)),
        (TIME_OUT, False, StopPlan(13.0, Reason.TIMED_OUT)),
    ],
)
def test_the_grace_starts_when_the_run_is_asked_to_end(plan: StopPlan, requested: bool, after: StopPlan) -> None:
    assert plan.after_terminate(10.0, 3.0, requested=requested) == after


def test_without_grace_the_kill_is_due_at_once() -> None:
    plan = NO_TIME_OUT.after_terminate(10.0, 0.0, requested=True)
    assert plan.next_step(10.0, requested=True, hurry=False, has_ended=False) is KILL


def test_a_run_that_was_killed_keeps_its_reason_and_has_no_further_step() -> None:
    assert StopPlan(20.0, Reason.TIMED_OUT).after_kill() == StopPlan(None, Reason.TIMED_OUT, killed=True)


def test_a_run_that_ended_before_its_stop_has_no_further_step_and_no_reason() -> None:
    assert TIME_OUT.after_end() == StopPlan(None)
