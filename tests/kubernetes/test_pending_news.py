"""Why a run is pending is reported once a change, and the cluster's events are watched only while it is."""

from __future__ import annotations

from typing import Any

from .followed import COMPLETE, SkippingClock, job, pod
from .test_waiting import UNSCHEDULED

UNSCHEDULABLE = ("unschedulable", "0/3 nodes fit.")
OVER = ("", "")


def unscheduled() -> dict[str, Any]:
    return {**pod(), "status": {"conditions": [UNSCHEDULED]}}


def test_each_change_is_reported_once(follow: Any) -> None:
    run = follow()
    run.report(unscheduled(), unscheduled(), pod(waiting="ContainerCreating"), pod(), job(COMPLETE))
    assert run.pending == [UNSCHEDULABLE, OVER]


def test_events_are_watched_once_a_run_is_pending_for_long_and_until_it_starts(follow: Any) -> None:
    run = follow(clock=SkippingClock())
    assert not run.events.watched
    run.unit.poll(0.6)
    assert run.events.watched
    run.events.report("uid-1", "FailedCreate", "Error creating: exceeded quota: q")
    assert (run.news(), run.pending) == ([], [("quota", "exceeded quota: q")])
    run.report(pod())
    assert (run.pending[1:], run.events.watched, run.events.listeners) == ([OVER], False, [])


def test_a_run_that_starts_soon_has_no_events_watched(follow: Any) -> None:
    run = follow(clock=SkippingClock())
    run.report(pod())
    run.unit.poll(10)
    assert not run.events.watched


def test_a_run_that_ends_while_it_is_pending_leaves_no_listener(follow: Any) -> None:
    run = follow()
    run.report(unscheduled())
    run.unit.close()
    assert run.events.listeners == []
