"""Why a run did not start, from the states and events that the server reports."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import Reason
from launchpad.kubernetes import waiting
from launchpad.kubernetes.observed import JobSnapshot
from launchpad.kubernetes.pending import is_waiting

from .test_diagnosis import job, pod


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}})


UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes fit."}
NOT_MOUNTED = {"type": "Warning", "reason": "FailedMount", "message": 'configmap "x" not found'}


@pytest.mark.parametrize(
    ("pod", "events", "reason", "said"),
    [
        (waits("ImagePullBackOff", "Back-off"), [], Reason.IMAGE_PULL, "ImagePullBackOff: Back-off."),
        (waits("CreateContainerConfigError", "no map"), [], Reason.CONFIG, "no map."),
        (waits("ContainerCreating"), [NOT_MOUNTED], Reason.CONFIG, 'configmap "x" not found'),
        (pod(conditions=[UNSCHEDULED]), [], Reason.UNSCHEDULABLE, "PodScheduled: Unschedulable: 0/3 nodes fit."),
        (waits("ContainerCreating"), [], Reason.NEVER_STARTED, "ContainerCreating"),
        (None, [], Reason.NEVER_STARTED, "No pod"),
    ],
)
def test_the_reason_of_a_run_that_never_started_is_in_the_servers_words(
    pod: dict[str, Any] | None, events: list[dict[str, Any]], reason: Reason, said: str
) -> None:
    end = waiting.of_waiting(job(), pod, events, 12.0)
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
    assert waiting.is_hopeless(waits(reason), failures) is hopeless


def not_created(message: str) -> dict[str, Any]:
    return {"type": "Warning", "reason": "FailedCreate", "message": message}


@pytest.mark.parametrize(
    ("message", "permanent"),
    [
        ('Error creating: pods "j-" is forbidden: error looking up service account: not found', True),
        ('pods "j-" is forbidden: error looking up service account ns/robot: serviceaccount "robot" not found', True),
        (
            'pods "j-" is forbidden: error looking up service account ns/default: serviceaccount "default" not found',
            False,
        ),
        ('admission webhook "policy" denied the request: no', True),
        ('Error creating: pods "j-" is forbidden: exceeded quota: q', False),
        ('failed calling webhook "policy": is forbidden', False),
        ("etcdserver: request timed out", False),
    ],
)
def test_only_a_permanent_refusal_of_a_pod_counts(message: str, permanent: bool) -> None:
    assert (waiting.pod_refusal([not_created(message)]) is not None) is permanent


def test_the_refusal_by_a_quota_is_its_last_message() -> None:
    events = [not_created("exceeded quota: a"), not_created("timed out"), not_created("exceeded quota: b")]
    assert waiting.quota_refusal(events) == "exceeded quota: b"


def after_init(**states: Any) -> dict[str, Any]:
    """A pod whose init container "first" has ended, and whose containers have these states, by name."""
    first = {"name": "first", "state": {"terminated": {"exitCode": 0}}}
    statuses = [{"name": name, "state": state} for name, state in states.items()]
    return {"metadata": {"name": "p"}, "status": {"initContainerStatuses": [first], "containerStatuses": statuses}}


NO_IMAGE = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
CREATING = {"waiting": {"reason": "ContainerCreating"}}


@pytest.mark.parametrize(
    ("pod", "said"),
    [
        (
            after_init(job=NO_IMAGE),
            "The container 'job' of pod p did not start within 12 s. ErrImagePull: no such image.",
        ),
        (
            after_init(job=CREATING, proxy=NO_IMAGE),
            "The container 'proxy' of pod p did not start within 12 s. container 'proxy': ErrImagePull: no such image.",
        ),
        (
            after_init(job={"terminated": {"exitCode": 0}}, proxy=NO_IMAGE),
            "The container 'proxy' of pod p did not start within 12 s. container 'proxy': ErrImagePull: no such image.",
        ),
    ],
)
def test_the_container_that_does_not_start_is_named(pod: dict[str, Any], said: str) -> None:
    end = waiting.of_waiting(job(), pod, [], 12.0)
    assert (end.reason, end.message) == (Reason.IMAGE_PULL, said)


def test_a_sidecar_that_always_fails_is_told_with_its_last_failure() -> None:
    crashing = {
        "name": "proxy",
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
        "lastState": {"terminated": {"exitCode": 2}},
    }
    item = {"metadata": {"name": "p"}, "status": {"initContainerStatuses": [crashing]}, "sidecars": ["proxy"]}
    end = waiting.of_waiting(job(), item, [], 12.0)
    assert end.reason is Reason.NEVER_STARTED
    assert "sidecar 'proxy': CrashLoopBackOff: back-off 5m0s. The sidecar 'proxy' exited with status 2." in end.message


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"suspend": True}, "The Job is suspended (spec.suspend)."),
        ({"managedBy": "example.com/other"}, "The Job is managed by 'example.com/other' (spec.managedBy)"),
    ],
)
def test_who_holds_a_job_back_is_told(spec: dict[str, Any], said: str) -> None:
    end = waiting.of_waiting({**job(), "spec": spec}, None, [], 12.0)
    assert end.reason is Reason.NEVER_STARTED
    assert said in end.message


@pytest.mark.parametrize(
    ("pods", "waits"),
    [
        ([], True),
        ([after_init(job=CREATING)], True),
        ([after_init(job={"running": {}}, proxy=NO_IMAGE)], False),
        ([after_init(job={"terminated": {"exitCode": 0}}, proxy=NO_IMAGE)], True),
        ([after_init(job={"terminated": {"exitCode": 0}}, proxy={"running": {}})], False),
        ([{**after_init(job=CREATING), "gone": True}], False),
        ([{"metadata": {"name": "p"}, "status": {"phase": "Failed"}}], False),
    ],
)
def test_a_run_waits_while_a_container_has_yet_to_start_and_none_runs_before_it(
    pods: list[dict[str, Any]], waits: bool
) -> None:
    assert is_waiting(JobSnapshot(job(), False, pods, 0)) is waits


@pytest.mark.parametrize("state", [{"running": {}}, {"terminated": {"exitCode": 1}}])
def test_an_init_container_that_runs_or_will_run_again_is_waited_for(state: dict[str, Any]) -> None:
    statuses = {"initContainerStatuses": [{"name": "first", "state": state}]}
    item = {"metadata": {"name": "p"}, "status": statuses}
    assert is_waiting(JobSnapshot(job(), False, [item], 0)) is False
    assert is_waiting(JobSnapshot(job(), False, [{**item, "sidecars": ["first"]}], 0)) is True
