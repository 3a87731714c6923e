"""The reason of a Job's end, or why it never started, from the states that the server reports."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import Reason
from launchpad.kubernetes import diagnosis

FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the limit"}


def job(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "j"}, "status": {"startTime": "2030-01-01T00:00:00Z", "conditions": list(conditions)}}


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    other = {"name": "a-sidecar", "state": {"terminated": {"exitCode": 99}}}
    own = [{"name": "job", "state": state}] if state is not None else []
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [other, *own], **status}}


def terminated(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


@pytest.mark.parametrize(
    ("pod", "reason", "code"),
    [
        (pod(terminated(3)), Reason.FAILED, 3),
        (pod(terminated(137, reason="OOMKilled")), Reason.OOM_KILLED, 137),
        (pod(terminated(137, reason="Error")), Reason.FAILED, 137),
        (pod(terminated(127, reason="ContainerCannotRun")), Reason.CONFIG, 127),
        (pod(terminated(128, reason="StartError")), Reason.CONFIG, 128),
        (pod(reason="Evicted", message="The node was low on resource: memory."), Reason.EVICTED, None),
        (pod(terminated(137), reason="Evicted"), Reason.EVICTED, 137),
        (pod(reason="NodeLost"), Reason.NODE_LOST, None),
        (pod(phase="Failed", reason="NodeShutdown"), Reason.NODE_LOST, None),
        (pod(phase="Failed", reason="OutOfcpu"), Reason.UNSCHEDULABLE, None),
        (pod(terminated(0)), Reason.FAILED, 0),
        (pod({"running": {}}), Reason.FAILED, None),
        (pod({}), Reason.FAILED, None),
        (None, Reason.FAILED, None),
    ],
)
def test_the_reason_of_a_failed_job_comes_from_its_container_or_from_the_disruption_of_its_pod(
    pod: dict[str, Any] | None, reason: Reason, code: int | None
) -> None:
    end = diagnosis.of_end(job(FAILED), [pod] if pod else [])
    assert (end.reason, end.exit_code) == (reason, code)
    assert end.message


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("PreemptionByScheduler", Reason.EVICTED),
        ("EvictionByEvictionAPI", Reason.EVICTED),
        ("DeletionByTaintManager", Reason.NODE_LOST),
    ],
)
def test_newer_servers_report_a_disruption_as_a_condition(why: str, reason: Reason) -> None:
    disrupted = [{"type": "DisruptionTarget", "status": "True", "reason": why, "message": "why"}]
    assert diagnosis.of_end(job(FAILED), [pod(terminated(143), conditions=disrupted)]).reason is reason


def test_a_complete_job_is_a_success_whatever_the_state_of_its_pod() -> None:
    complete = job({"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"})
    for known in ([], [pod()], [pod(terminated(0))]):
        end = diagnosis.of_end(complete, known)
        assert (end.reason, end.exit_code, end.message) == (Reason.COMPLETED, 0, "")


def test_a_deadline_is_the_reason_even_while_the_pod_still_runs() -> None:
    late = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "Job was active too long"}
    end = diagnosis.of_end(job(late), [pod({"running": {}})])
    assert end.reason is Reason.DEADLINE
    assert end.message == "DeadlineExceeded: Job was active too long."


def test_the_times_are_those_of_the_runs_own_container() -> None:
    state = terminated(1, startedAt="2030-01-01T00:00:05Z", finishedAt="2030-01-01T00:00:09Z")
    end = diagnosis.of_end(job(FAILED), [pod(state)])
    assert end.started_at is not None
    assert end.ended_at is not None
    assert (end.ended_at - end.started_at).total_seconds() == 4


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}})


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes fit."}
NOT_MOUNTED = {"type": "Warning", "reason": "FailedMount", "message": 'configmap "x" not found'}


@pytest.mark.parametrize(
    ("pod", "events", "reason", "said"),
    [
        (waiting("ImagePullBackOff", "Back-off"), [], Reason.IMAGE_PULL, "ImagePullBackOff: Back-off."),
        (waiting("CreateContainerConfigError", "no map"), [], Reason.CONFIG, "no map."),
        (waiting("ContainerCreating"), [NOT_MOUNTED], Reason.CONFIG, 'configmap "x" not found'),
        (pod(conditions=[UNSCHEDULED]), [], Reason.UNSCHEDULABLE, "PodScheduled: Unschedulable: 0/3 nodes fit."),
        (waiting("ContainerCreating"), [], Reason.NEVER_STARTED, "ContainerCreating"),
        (None, [], Reason.NEVER_STARTED, "No pod"),
    ],
)
def test_the_reason_of_a_run_that_never_started_is_in_the_servers_words(
    pod: dict[str, Any] | None, events: list[dict[str, Any]], reason: Reason, said: str
) -> None:
    end = diagnosis.of_waiting(job(), pod, events, 12.0)
    assert (end.reason, end.exit_code) == (reason, None)
    assert said in end.message
    assert end.hint


@pytest.mark.parametrize(
    ("reason", "failures", "hopeless"),
    [
        ("InvalidImageName", 0, True),
        ("ErrImageNeverPull", 0, True),
        ("CreateContainerConfigError", 0, True),
        ("ErrImagePull", 1, False),
        ("ErrImagePull", 2, True),
        ("ImagePullBackOff", 1, False),
        ("ImagePullBackOff", 2, True),
        ("ContainerCreating", 5, False),
    ],
)
def test_a_pod_is_hopeless_if_waiting_cannot_help(reason: str, failures: int, hopeless: bool) -> None:
    assert diagnosis.is_hopeless(waiting(reason), failures) is hopeless


def not_created(message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": "FailedCreate", "message": message}


@pytest.mark.parametrize(
    ("message", "permanent"),
    [
        ('Error creating: pods "j-" is forbidden: error looking up service account: not found', True),
        ('admission webhook "policy" denied the request: no', True),
        ('Error creating: pods "j-" is forbidden: exceeded quota: q', False),
        ('failed calling webhook "policy": is forbidden', False),
        ("etcdserver: request timed out", False),
    ],
)
def test_only_a_permanent_refusal_of_a_pod_counts(message: str, permanent: bool) -> None:
    assert (diagnosis.pod_refusal([not_created(message)]) is not None) is permanent


def test_the_refusal_by_a_quota_is_its_last_message() -> None:
    events = [not_created("exceeded quota: a"), not_created("timed out"), not_created("exceeded quota: b")]
    assert diagnosis.quota_refusal(events) == "exceeded quota: b"
