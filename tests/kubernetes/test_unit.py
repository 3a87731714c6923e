"""A unit that follows one Job, from scripted facts: what it takes for an end, and what it requests."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import EngineUnavailable, LaunchError, Reason
from launchpad.core.retries import LONGEST_OUTAGE, Transient
from launchpad.kubernetes.errors import ApiError

from .followed import COMPLETE, FAILED, NOT_FOUND, SkippingClock, job, pod


def test_a_success_needs_no_state_of_a_pod(follow: Any) -> None:
    run = follow()
    run.watchers.report("job", job(COMPLETE))
    assert (run.end().reason, run.end().exit_code, run.server.requests) == (Reason.COMPLETED, 0, [])


def test_a_failure_waits_for_the_state_of_its_pod(follow: Any) -> None:
    run = follow()
    run.watchers.report("job", job(FAILED))
    assert run.unit.poll(0) == []
    run.watchers.report("pod", pod(3))
    assert (run.end().exit_code, run.server.requests) == (3, [])


def test_the_state_of_a_pod_that_is_not_reported_is_requested_once(follow: Any) -> None:
    run = follow(report_timeout=0.05, pods=[[pod(4)]])
    run.watchers.report("job", job(FAILED))
    assert (run.end().exit_code, run.server.requests) == (4, ["pods"])


def test_a_job_that_is_deleted_after_its_end_keeps_its_result(follow: Any) -> None:
    run = follow()
    run.watchers.report("job", job(COMPLETE), gone=True)
    assert run.end().reason is Reason.COMPLETED


@pytest.mark.parametrize("last", [job(), None])
def test_a_job_that_is_deleted_before_its_end_has_vanished(follow: Any, last: dict[str, Any] | None) -> None:
    run = follow()
    run.watchers.report("job", last, gone=True)
    assert run.end().reason is Reason.VANISHED


def test_a_job_that_was_deleted_before_the_listing_has_vanished(follow: Any) -> None:
    run = follow(report_timeout=0.05, read=[Transient("down"), NOT_FOUND])
    run.watchers.list_all()
    assert (run.end().reason, run.server.requests) == (Reason.VANISHED, ["read", "read", "pods", "pods"])


def test_a_job_that_was_created_after_the_listing_is_requested_once(follow: Any) -> None:
    run = follow(report_timeout=0.05, read=[job()], pods=[[pod()]])
    run.watchers.list_all()
    run.poll_until("pods")
    assert run.unit.poll(0) == []
    assert run.server.requests == ["read", "pods"]


def test_a_job_that_the_watchers_report_is_not_requested(follow: Any) -> None:
    run = follow(report_timeout=0.05)
    run.watchers.list_all()
    run.watchers.report("pod", pod())
    run.watchers.report("job", job())
    assert run.unit.poll(0.1) == []
    assert run.server.requests == []


def test_an_older_state_does_not_undo_an_end(follow: Any) -> None:
    run = follow()
    run.watchers.report("pod", pod(3))
    run.watchers.report("job", job(FAILED))
    run.watchers.report("pod", pod())
    run.watchers.report("job", job())
    assert (run.end().exit_code, run.server.requests) == (3, [])


def test_facts_about_another_job_of_the_name_are_ignored(follow: Any) -> None:
    run = follow()
    run.watchers.report("job", job(COMPLETE, uid="uid-2"), gone=True)
    assert run.unit.poll(0) == []


def test_a_delete_is_repeated_until_it_is_accepted_and_the_run_ends_when_the_job_is_gone(follow: Any) -> None:
    run = follow(delete=[Transient("down"), Transient("down"), None])
    run.unit.terminate(1)
    run.poll_until("delete", 3)
    run.watchers.report("pod", pod(143, phase="Failed"))
    run.watchers.report("job", job(), gone=True)
    assert run.end().exit_code == 143


def test_stopping_a_job_that_is_gone_is_no_error(follow: Any) -> None:
    run = follow(delete=[NOT_FOUND])
    run.unit.terminate(1)
    assert run.end().reason is Reason.STOPPED


def test_a_failed_watch_is_an_error_once_and_the_next_poll_watches_again(follow: Any) -> None:
    run = follow(read=[job()], pods=[[pod()]])
    run.watchers.fail(EngineUnavailable("out of reach"))
    with pytest.raises(EngineUnavailable, match="out of reach"):
        run.unit.poll(0)
    assert run.unit.poll(0) == []
    run.watchers.report("pod", pod(0))
    run.watchers.report("job", job(COMPLETE))
    assert (run.end().reason, run.server.requests) == (Reason.COMPLETED, ["read", "pods"])


def test_an_end_that_was_not_watched_is_requested(follow: Any) -> None:
    for answers, reason in (({"read": [NOT_FOUND]}, Reason.VANISHED), ({"read": [job(COMPLETE)]}, Reason.COMPLETED)):
        run = follow(report_timeout=0.05, pods=[[]], **answers)
        run.watchers.fail(EngineUnavailable("out of reach"))
        with pytest.raises(EngineUnavailable):
            run.unit.poll(0)
        assert run.end().reason is reason


def test_a_deletion_that_is_not_watched_is_requested(follow: Any) -> None:
    run = follow(report_timeout=0.05, read=[job(), NOT_FOUND])
    run.unit.terminate(1)
    run.watchers.fail(EngineUnavailable("out of reach"))
    assert run.end().reason is Reason.STOPPED
    assert run.server.requests == ["delete", "read", "read", "pods"]


def test_a_pod_that_has_ended_before_it_was_reported_has_started(follow: Any) -> None:
    run = follow(pod_watch_timeout=0.05)
    run.watchers.report("pod", pod(0))
    assert run.unit.poll(0.2) == []
    assert run.server.requests == []


def test_the_pods_are_requested_before_the_run_is_given_up(follow: Any) -> None:
    run = follow(pod_watch_timeout=0.05, pods=[[pod()]])
    run.poll_until("pods")
    assert run.unit.poll(0) == []
    assert run.server.requests == ["read", "pods"]


def test_a_run_that_never_started_ends_when_its_job_is_gone(follow: Any) -> None:
    run = follow(pod_watch_timeout=0.05, pods=[[pod(waiting="ContainerCreating")]], events=[[], []])
    run.poll_until("delete")
    assert run.unit.poll(0) == []
    run.watchers.report("job", job(), gone=True)
    assert run.end().reason is Reason.NEVER_STARTED


def test_a_run_is_not_given_up_while_the_server_does_not_answer(follow: Any) -> None:
    run = follow(pod_watch_timeout=0.05, read=[Transient("down"), Transient("down"), job()], pods=[[pod()]])
    run.poll_until("pods")
    assert run.unit.poll(0) == []
    assert run.server.requests == ["read", "read", "read", "pods"]


def test_a_run_that_has_ended_meanwhile_is_not_given_up(follow: Any) -> None:
    run = follow(pod_watch_timeout=0.05, read=[Transient("down"), job(COMPLETE)], pods=[[]])
    assert (run.end().reason, "delete" in run.server.requests) == (Reason.COMPLETED, False)


def test_the_pods_of_an_ended_job_are_requested_until_the_server_answers(follow: Any) -> None:
    run = follow(report_timeout=0.05, pods=[Transient("down"), [pod(4)]])
    run.watchers.report("job", job(FAILED))
    assert (run.end().exit_code, run.server.requests) == (4, ["pods", "pods"])


def test_a_stopped_run_waits_for_the_pods_that_its_job_leaves_behind(follow: Any) -> None:
    run = follow(pods=[Transient("down"), [pod(waiting="ContainerCreating")]])
    run.unit.terminate(60)
    run.watchers.report("job", job(), gone=True)
    assert run.end().reason is Reason.STOPPED
    assert run.server.requests == ["delete", "pods", "pods", "delete_pod"]


def test_a_pod_that_does_not_go_although_its_job_is_gone_is_an_error_after_the_longest_outage(follow: Any) -> None:
    clock = SkippingClock()
    run = follow(clock=clock, read=[NOT_FOUND])
    run.report(pod(grace=5))
    run.unit.terminate(5)
    run.watchers.report("job", job(), gone=True)
    with pytest.raises(EngineUnavailable, match="not its pod p: its node may not answer"):
        run.unit.poll(1000)
    assert clock.seconds == 5 + LONGEST_OUTAGE


def test_a_stop_that_is_hurried_from_the_beginning_has_its_pods_end_at_once(follow: Any) -> None:
    run = follow()
    run.report(pod())
    run.unit.terminate(0)
    run.unit.kill()
    assert (run.unit.poll(0), run.server.requests) == ([], ["delete", "delete_pod"])
    run.watchers.report("pod", pod(137, phase="Failed"))
    run.watchers.report("job", job(), gone=True)
    assert (run.end().exit_code, run.end().hint) == (137, "")


def test_a_hurried_stop_within_the_grace_removes_the_pod_and_says_that_the_process_may_go_on(
    follow: Any, caplog: Any
) -> None:
    run = follow()
    run.report(pod())
    run.unit.terminate(60)
    run.report(pod(grace=60))
    run.unit.kill()
    assert "may go on for up to 60 s" in run.end().hint
    assert (run.server.requests, run.end().hint in caplog.text) == (["delete", "delete_pod"], True)


def test_a_state_that_has_changed_before_its_pod_is_removed_is_requested_again(follow: Any) -> None:
    conflict, idle = ApiError("changed", 409, "Conflict"), pod(waiting="ErrImagePull")
    newer = {**idle, "metadata": {**idle["metadata"], "resourceVersion": "2"}}
    run = follow(delete_pod=[conflict], pods=[[newer]])
    run.report({**idle, "metadata": {**idle["metadata"], "resourceVersion": "1"}})
    run.unit.terminate(60)
    while run.server.requests.count("delete_pod") < 2:
        assert run.unit.poll(0.5) == []
    assert run.server.requests == ["delete", "delete_pod", "pods", "delete_pod"]


def test_events_that_may_not_be_read_are_no_error(follow: Any) -> None:
    denied = ApiError("not allowed", 403, "Forbidden")
    run = follow(pod_watch_timeout=0.05, pods=[denied], events=[denied], delete=[NOT_FOUND])
    assert run.end().reason is Reason.NEVER_STARTED


def test_a_permanent_refusal_is_an_error_at_every_poll(follow: Any) -> None:
    event = {"reason": "FailedCreate", "message": 'pods "j-" is forbidden: violates PodSecurity'}
    run = follow(pod_watch_timeout=0.05, pods=[[]], events=[[event]], delete=[NOT_FOUND])
    for _ in range(2):
        with pytest.raises(LaunchError, match="violates PodSecurity"):
            run.unit.poll(30)
    run.unit.terminate(0)
    assert run.end().exit_code is None


def test_two_failed_pulls_end_the_run_and_throttled_ones_do_not_count(follow: Any) -> None:
    run = follow(delete=[NOT_FOUND])
    throttled = pod(waiting="ErrImagePull")
    throttled["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = "pull QPS exceeded"
    for state in (throttled, pod(waiting="ImagePullBackOff"), pod(waiting="ErrImagePull"), pod(waiting="ErrImagePull")):
        run.watchers.report("pod", state)
        assert run.news() == []
    run.watchers.report("pod", pod(waiting="ImagePullBackOff"))
    run.watchers.report("pod", pod(waiting="ErrImagePull"))
    assert run.end().reason is Reason.IMAGE_PULL


def test_the_time_out_starts_again_with_each_container_that_starts(follow: Any) -> None:
    waits = pod(waiting="PodInitializing")
    ended = {"name": "first", "state": {"terminated": {"exitCode": 0}}}
    waiting = {**waits, "status": {**waits["status"], "initContainerStatuses": [ended]}}
    run = follow(clock=SkippingClock(), pod_watch_timeout=20, pods=[[waiting]], delete=[NOT_FOUND])
    init = {"name": "first", "state": {"running": {}}}
    run.report({**waits, "status": {**waits["status"], "initContainerStatuses": [init]}})
    assert run.unit.poll(100) == []
    run.report(waiting)
    assert "delete" not in run.server.requests
    assert (run.end().reason, "container 'job' of pod p" in run.end().message) == (Reason.NEVER_STARTED, True)


def test_a_run_that_is_given_up_counts_as_ended_so_that_a_stop_does_not_hide_why(follow: Any) -> None:
    run = follow()
    run.report(pod(waiting="InvalidImageName"))
    assert (run.unit.has_ended(), run.server.requests) == (True, ["delete", "delete_pod"])
    run.watchers.report("job", job(), gone=True)
    assert run.end().reason is Reason.IMAGE_PULL


def test_an_error_can_be_stopped_after_it_was_raised(follow: Any) -> None:
    event = {"reason": "FailedCreate", "message": 'pods "j-" is forbidden: violates PodSecurity'}
    run = follow(pod_watch_timeout=0.05, pods=[[]], events=[[event]], delete=[NOT_FOUND])
    with pytest.raises(LaunchError):
        run.unit.poll(30)
    assert run.unit.has_ended() is False


def test_a_run_that_is_given_up_keeps_its_reason_if_its_job_cannot_be_deleted(follow: Any, caplog: Any) -> None:
    run = follow(delete=[ApiError("Not allowed to delete jobs", 403, "Forbidden")])
    run.watchers.report("pod", pod(waiting="InvalidImageName"))
    assert run.end().reason is Reason.IMAGE_PULL
    assert "Not allowed to delete jobs" in caplog.text


def test_the_pod_of_a_stopped_run_is_removed_at_once_if_nothing_runs_in_it(follow: Any) -> None:
    run = follow()
    run.report(pod(waiting="ImagePullBackOff"))
    run.unit.terminate(60)
    run.report(pod(waiting="ErrImagePull"))
    assert run.server.requests == ["delete", "delete_pod"]


def test_the_pod_of_a_stopped_run_is_not_removed_while_its_node_may_be_starting_it(follow: Any) -> None:
    run = follow()
    scheduled = [{"type": "PodScheduled", "status": "True"}]
    run.report(pod(waiting="ContainerCreating", conditions=scheduled))
    run.unit.terminate(60)
    assert run.unit.poll(0) == []
    assert run.server.requests == ["delete"]
    run.report(pod(waiting="ImagePullBackOff", conditions=scheduled))
    assert run.server.requests == ["delete", "delete_pod"]


def test_the_pod_of_a_stopped_run_is_left_to_its_node_while_a_container_runs(follow: Any) -> None:
    run = follow()
    run.report(pod())
    run.unit.terminate(60)
    run.report(pod(143))
    assert run.server.requests == ["delete"]


def test_a_wake_ends_the_next_poll(follow: Any) -> None:
    run = follow()
    run.unit.wake()
    assert run.unit.poll(None) == []


def test_polling_a_closed_unit_is_an_error(follow: Any) -> None:
    run = follow()
    run.unit.close()
    with pytest.raises(EngineUnavailable, match="not followed"):
        run.unit.poll(None)
