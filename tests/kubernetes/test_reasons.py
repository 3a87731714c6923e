"""Why a run is pending, in a word and in the cluster's words, from the states and events that the server reports."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad.kubernetes.reasons import is_telling, why_pending

from .test_diagnosis import job, pod
from .test_waiting import UNSCHEDULED, waits

GATED = {**UNSCHEDULED, "reason": "SchedulingGated", "message": "gated"}
QUOTA = 'Error creating: pods "x-7kq2z" is forbidden: exceeded quota: q, used: pods=5'
NO_ACCOUNT = 'Error creating: pods "x-" is forbidden: serviceaccount "a" not found'
SUSPENDED = {**job(), "spec": {"suspend": True}}
BAD_IMAGE = 'Failed to pull image "x": no such host'
CREATING, UNFIT = waits("ContainerCreating"), pod(conditions=[UNSCHEDULED])


def event(reason: str, message: str, type: str = "Warning", kind: str = "Pod") -> dict[str, Any]:
    return {"reason": reason, "message": message, "type": type, "kind": kind}


@pytest.mark.parametrize(
    ("item", "said", "reason", "message"),
    [
        (None, None, "", ""),
        (None, event("FailedCreate", QUOTA), "quota", "exceeded quota: q, used: pods=5"),
        (None, event("FailedCreate", NO_ACCOUNT), "starting", 'FailedCreate: forbidden: serviceaccount "a" not found.'),
        (UNFIT, None, "unschedulable", "0/3 nodes fit."),
        (UNFIT, event("TriggeredScaleUp", "1->2", "Normal"), "unschedulable", "0/3 nodes fit. 1->2"),
        (pod(conditions=[GATED]), None, "queued", "gated"),
        (waits("ErrImagePull", "no such host"), None, "pulling", "ErrImagePull: no such host."),
        (waits("CreateContainerConfigError", "no map"), None, "config", "CreateContainerConfigError: no map."),
        (waits("CrashLoopBackOff", "again in 10 s"), None, "starting", "CrashLoopBackOff: again in 10 s."),
        (CREATING, None, "", ""),
        (CREATING, event("Pulling", 'Pulling image "x"', "Normal"), "pulling", 'Pulling image "x".'),
        (CREATING, event("Failed", BAD_IMAGE), "pulling", f"{BAD_IMAGE}."),
        (CREATING, event("FailedMount", "no map"), "mounting", "FailedMount: no map."),
        (CREATING, event("FailedCreatePodSandBox", "no net"), "starting", "FailedCreatePodSandBox: no net."),
    ],
)  # fmt: skip
def test_the_reason_is_a_word_and_the_message_is_the_clusters(
    item: dict[str, Any] | None, said: dict[str, Any] | None, reason: str, message: str
) -> None:
    uid = "job" if item is None else "pod"
    known = {**job(), "metadata": {"name": "j", "uid": "job"}}
    item = None if item is None else {**item, "metadata": {**item["metadata"], "uid": "pod"}}
    assert why_pending(known, item, {uid: said} if said else {}) == (reason, message)


@pytest.mark.parametrize(
    ("reason", "message", "telling"),
    [
        ("Pulling", "Pulling x", True),
        ("Failed", BAD_IMAGE, True),
        ("Failed", "Error: ErrImagePull", False),
        ("BackOff", "Back-off pulling image", False),
        ("FailedMount", "no map", True),
        ("NetworkNotReady", "no network", True),
        ("TriggeredScaleUp", "1->2", True),
        ("FailedScheduling", "0/3 nodes fit", False),
        ("MissingClusterDNS", "no DNS", False),
    ],
)
def test_events_that_do_not_say_why_a_pod_waits_do_not_count(reason: str, message: str, telling: bool) -> None:
    assert is_telling(event(reason, message)) is telling
    assert not is_telling({**event("Pulling", "again"), "count": 2})


def test_events_about_other_objects_do_not_count() -> None:
    assert why_pending(job(), CREATING, {"other": event("FailedMount", "no map")}).reason == ""


def test_a_suspended_job_is_queued_and_its_queue_says_why() -> None:
    workload = event("Pending", "insufficient unused quota for cpu", "Normal", "Workload")
    reason, message = why_pending(SUSPENDED, None, {"workload": workload})
    assert (reason, "insufficient unused quota for cpu" in message) == ("queued", True)
