"""Runs that others interrupt: a unit neither lets them run again nor takes them for completed. From scripted facts."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import Reason
from launchpad.core.retries import Transient
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.labels import QUEUE

from .followed import COMPLETE, FAILED, NOT_FOUND, ONCE, SkippingClock, job, pod

FAILURE_TARGET = {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded"}
SUCCESS_TARGET = {"type": "SuccessCriteriaMet", "status": "True"}
SUSPENDED = {"suspend": True}
QUEUED = {**job(**SUSPENDED), "metadata": {"name": "j", "uid": "uid-1", "labels": {QUEUE: "team-a"}}}


def disrupted(reason: str) -> list[dict[str, Any]]:
    return [{"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "why"}]


EVICTED = {"conditions": disrupted("EvictionByEvictionAPI")}
TAINTED = {"conditions": disrupted("DeletionByTaintManager")}


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        ({}, Reason.VANISHED),
        (EVICTED, Reason.EVICTED),
        ({"conditions": disrupted("PreemptionByScheduler")}, Reason.EVICTED),
        ({"conditions": disrupted("TerminationByKubelet"), "reason": "Terminated"}, Reason.EVICTED),
        (TAINTED, Reason.NODE_LOST),
        ({"conditions": disrupted("DeletionByPodGC")}, Reason.NODE_LOST),
    ],
)
@pytest.mark.parametrize(("code", "verdict"), [(0, COMPLETE), (137, FAILED)])
def test_a_run_whose_pod_was_cut_short_has_not_completed_and_keeps_its_exit_code(
    follow: Any, signs: dict[str, Any], reason: Reason, code: int, verdict: dict[str, Any]
) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), pod(grace=5, **signs), pod(code, grace=5, **signs))
    run.watchers.report("job", job(verdict, **ONCE))
    end = run.end()
    assert (end.reason, end.exit_code, "memory" in end.hint) == (reason, code, False)


def test_a_pod_that_is_forced_away_while_it_runs_has_vanished(follow: Any) -> None:
    run = follow(created=job(**ONCE), pods=[[]], report_timeout=0.05)
    run.report(pod())
    run.report(pod(), gone=True)
    run.watchers.report("job", job(FAILED, **ONCE))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, None)


def test_a_pod_that_is_deleted_after_its_end_keeps_its_result(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(0), pod(0, grace=5))
    run.watchers.report("job", job(COMPLETE, **ONCE))
    assert run.end().reason is Reason.COMPLETED


def test_a_pod_that_is_deleted_after_the_decision_is_not_cut_short(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), job(FAILURE_TARGET, **ONCE), pod(grace=5), pod(3, grace=5))
    run.watchers.report("job", job(FAILURE_TARGET, FAILED, **ONCE))
    assert (run.end().reason, run.end().exit_code) == (Reason.FAILED, 3)


def test_a_second_pod_ends_the_run_and_is_deleted_with_the_job(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), pod(grace=5), pod(waiting="ContainerCreating", name="second"))
    assert run.server.requests == ["delete", "delete_pod"]
    run.watchers.report("pod", pod(0, grace=5, phase="Succeeded"))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, 0)


def test_a_second_pod_is_expected_with_a_backoff_limit_and_the_last_one_counts(follow: Any) -> None:
    run = follow(created=job(backoffLimit=1))
    run.report(pod(), pod(137, grace=5), pod(name="second"), pod(0, name="second"))
    run.watchers.report("job", job(COMPLETE, backoffLimit=1))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


def test_a_complete_job_whose_only_success_was_cut_short_has_not_completed(follow: Any) -> None:
    run = follow(created=job(backoffLimit=1))
    run.report(pod(), pod(grace=5), pod(0, grace=5), pod(name="second"))
    run.watchers.report("job", job(COMPLETE, backoffLimit=1))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, 0)


def test_a_pod_that_a_suspension_deletes_is_not_cut_short_and_may_have_a_successor(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), pod(grace=5), job(**ONCE, **SUSPENDED), pod(137, grace=5), job(**ONCE))
    run.report(pod(name="second"), pod(0, name="second"))
    run.watchers.report("job", job(COMPLETE, **ONCE))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


def test_a_pod_that_exceeds_its_restarts_has_failed_although_its_controller_deletes_it(follow: Any) -> None:
    run = follow(created=job(backoffLimit=1))
    restarted = pod(5, grace=5)
    restarted["status"]["containerStatuses"][0]["restartCount"] = 2
    run.report(pod(), pod(grace=5), restarted)
    run.watchers.report("job", job(FAILED, backoffLimit=1))
    assert (run.end().reason, run.end().exit_code) == (Reason.FAILED, 5)


def test_pods_of_an_older_job_of_the_name_do_not_count(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    older = pod(name="older", grace=5)
    older["metadata"]["labels"] = {"controller-uid": "uid-0"}
    run.report(older, pod(), pod(0))
    run.watchers.report("job", job(COMPLETE, **ONCE))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


def test_several_pods_of_a_parallel_job_are_no_repetition(follow: Any) -> None:
    parallel = {**ONCE, "completions": 2, "parallelism": 2}
    run = follow(created=job(**parallel))
    run.report(pod(), pod(name="second"), pod(0), pod(0, name="second"))
    run.watchers.report("job", job(COMPLETE, **parallel))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, [])


@pytest.mark.parametrize(("code", "verdict"), [(0, COMPLETE), (137, FAILED)])
def test_a_job_that_is_deleted_in_the_foreground_has_vanished_whatever_it_says_later(
    follow: Any, code: int, verdict: dict[str, Any]
) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), job(deleted=True, **ONCE), pod(grace=5), pod(code, grace=5))
    run.watchers.report("pod", pod(code, grace=5), gone=True)
    run.watchers.report("job", job(verdict, deleted=True, **ONCE))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, code)


def test_a_job_that_is_deleted_after_the_decision_keeps_its_result(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), pod(0), job(SUCCESS_TARGET, **ONCE), job(SUCCESS_TARGET, deleted=True, **ONCE))
    run.watchers.report("job", job(SUCCESS_TARGET, deleted=True, **ONCE), gone=True)
    assert run.end().reason is Reason.COMPLETED


def test_the_pod_of_a_deleted_job_has_to_end_before_the_run_has(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod())
    run.report(job(**ONCE), gone=True)
    run.report(pod(grace=5))
    run.watchers.report("pod", pod(143, grace=5, phase="Failed"))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, 143)


def test_a_pod_that_a_deleted_job_leaves_behind_is_deleted(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod())
    run.report(job(**ONCE), gone=True)
    assert run.server.requests == ["delete_pod"]


def test_a_lost_node_ends_the_run_although_its_job_does_not_end(follow: Any) -> None:
    ending, lost = job(FAILURE_TARGET, **ONCE), pod(grace=0, **TAINTED)
    run = follow(created=job(**ONCE), lost_timeout=0.1, read=[Transient("down"), ending], pods=[[lost]])
    run.report(pod())
    run.watchers.report("pod", lost)
    run.watchers.report("job", ending)
    assert (run.end().reason, run.server.requests) == (Reason.NODE_LOST, ["read", "read", "pods"])


def test_a_loss_is_no_loss_if_the_server_reports_the_end_when_it_is_asked(follow: Any) -> None:
    ended = pod(3, grace=0, phase="Failed")
    run = follow(created=job(**ONCE), lost_timeout=0.1, read=[job(FAILURE_TARGET, FAILED, **ONCE)], pods=[[ended]])
    run.report(pod())
    run.watchers.report("job", job(FAILURE_TARGET, **ONCE))
    assert (run.end().reason, run.end().exit_code) == (Reason.FAILED, 3)


def test_a_job_that_goes_on_after_the_loss_of_its_pod_is_deleted(follow: Any) -> None:
    run = follow(created=job(**ONCE), lost_timeout=0.1, read=[job(**ONCE)], delete=[NOT_FOUND])
    run.report(pod())
    run.watchers.report("pod", pod(grace=0), gone=True)
    assert (run.end().reason, run.server.requests) == (Reason.VANISHED, ["read", "pods", "delete"])


def test_nothing_is_decided_by_the_announcement_of_an_end(follow: Any) -> None:
    run = follow(created=job(**ONCE))
    run.report(pod(), job(FAILURE_TARGET, **ONCE))
    assert run.unit.has_ended() is False
    run.report(pod(3, phase="Failed"))
    assert run.unit.has_ended() is True
    run.watchers.report("job", job(FAILURE_TARGET, FAILED, **ONCE))
    assert (run.end().reason, run.end().exit_code) == (Reason.FAILED, 3)


def test_the_server_is_asked_for_the_pod_of_a_deleted_job_until_it_answers(follow: Any) -> None:
    clock = SkippingClock()
    run = follow(clock=clock, created=QUEUED, pods=[Transient("down"), []])
    assert (run.news(), run.unit.poll(60)) == ([], [])  # from now on, nothing but the lookup wakes the run
    run.watchers.report("job", QUEUED, gone=True)
    assert (run.end().reason, run.server.requests) == (Reason.VANISHED, ["pods", "pods"])
    assert clock.seconds < 70


@pytest.mark.parametrize("gone", [False, True])
def test_a_deleted_run_whose_pod_has_yet_to_start_sleeps_until_the_pod_has_ended(follow: Any, gone: bool) -> None:
    clock = SkippingClock()
    run = follow(clock=clock, delete_pod=[ApiError("no", 403, "Forbidden")] * 2)
    run.report(pod(waiting="ContainerCreating"))
    run.watchers.report("job", job(deleted=True), gone)
    run.watchers.report("pod", pod(waiting="ContainerCreating", grace=50))
    assert (run.unit.poll(100), clock.seconds) == ([], 100)
    assert clock.waits < 10


def test_a_stopped_run_sleeps_although_an_earlier_request_was_not_answered(follow: Any) -> None:
    clock = SkippingClock()
    run = follow(clock=clock, report_timeout=1, read=[Transient("down")])
    run.watchers.list_all()
    run.poll_until("read")
    run.report(pod(), job())
    run.unit.terminate(50)
    run.unit.poll(0)
    before = clock.waits
    assert (run.unit.poll(40), clock.waits - before) == ([], 1)


def test_a_job_that_is_reported_as_gone_and_creates_another_pod_is_deleted(follow: Any) -> None:
    run = follow(created=job(**ONCE), delete=[None])
    run.report(pod())
    run.report(job(**ONCE), gone=True)  # others have removed its labels
    run.report(pod(name="q"), pod(0, grace=5, phase="Succeeded"))
    assert run.server.requests == ["delete_pod", "delete", "delete_pod", "delete_pod"]
    run.watchers.report("pod", pod(137, name="q", grace=1, phase="Failed"))
    assert (run.end().reason, run.end().exit_code) == (Reason.VANISHED, 0)
