"""The reason of a Job's end, or why it never started, from the states that the server reports."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import Reason
from launchpad.kubernetes import diagnosis
from launchpad.kubernetes.status import has_log

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


def failures(inits: dict[str, Any], others: dict[str, Any], sidecars: tuple[str, ...] = ()) -> dict[str, Any]:
    """A pod whose containers have these states, by name."""
    statuses = {
        "initContainerStatuses": [{"name": name, "state": state} for name, state in inits.items()],
        "containerStatuses": [{"name": name, "state": state} for name, state in others.items()],
    }
    return {"metadata": {"name": "p"}, "status": statuses, "sidecars": list(sidecars)}


INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
NO_PROGRAM = terminated(128, reason="StartError", message="no such file", startedAt="1970-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("pod", "reason", "code", "message"),
    [
        (
            failures({"fetch": terminated(7)}, {"job": INITIALIZING}),
            Reason.FAILED,
            None,
            "The init container 'fetch' exited with status 7.",
        ),
        (
            failures({"fetch": terminated(1, message="no route")}, {"job": INITIALIZING}),
            Reason.FAILED,
            None,
            "The init container 'fetch' exited with status 1. no route",
        ),
        (
            failures({"fetch": terminated(137, reason="OOMKilled")}, {"job": INITIALIZING}),
            Reason.OOM_KILLED,
            None,
            "The init container 'fetch' was out of memory: OOMKilled.",
        ),
        (
            failures({"fetch": NO_PROGRAM}, {"job": INITIALIZING}),
            Reason.CONFIG,
            None,
            "The init container 'fetch' cannot be started: StartError: no such file.",
        ),
        (
            failures({}, {"job": terminated(0), "log": terminated(4)}),
            Reason.FAILED,
            0,
            "The container 'log' exited with status 4.",
        ),
        (
            failures({}, {"a": terminated(4), "job": terminated(3), "log": terminated(5)}),
            Reason.FAILED,
            3,
            "Exited with status 3. The container 'a' exited with status 4. The container 'log' exited with status 5.",
        ),
        (
            failures({"proxy": terminated(137)}, {"job": terminated(3)}, sidecars=("proxy",)),
            Reason.FAILED,
            3,
            "Exited with status 3.",
        ),
    ],
)
def test_the_failures_of_other_containers_are_told_by_name(
    pod: dict[str, Any], reason: Reason, code: int | None, message: str
) -> None:
    end = diagnosis.of_end(job(FAILED), [pod])
    assert (end.reason, end.exit_code, end.message) == (reason, code, message)


def test_the_deadline_of_a_pod_is_a_deadline() -> None:
    end = diagnosis.of_end(job(FAILED), [pod(terminated(137), phase="Failed", reason="DeadlineExceeded")])
    assert (end.reason, end.exit_code) == (Reason.DEADLINE, 137)


def test_a_disruption_of_a_pod_that_had_ended_before_does_not_change_its_result() -> None:
    disrupted = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
    ended = {**pod(terminated(3), conditions=disrupted), "cut": False}
    assert diagnosis.of_end(job(FAILED), [ended]).reason is Reason.FAILED


def test_a_container_that_never_ran_has_no_exit_code_and_no_times() -> None:
    unknown = terminated(137, reason="ContainerStatusUnknown", startedAt=None, finishedAt=None)
    end = diagnosis.of_end({"metadata": {}, "status": {"conditions": [FAILED]}}, [pod(unknown)])
    assert (end.exit_code, end.started_at, end.ended_at) == (None, None, None)
    assert not has_log(pod(unknown))


def test_a_time_before_1971_is_not_known() -> None:
    end = diagnosis.of_end({"metadata": {}, "status": {"conditions": [FAILED]}}, [pod(NO_PROGRAM)])
    assert (end.reason, end.exit_code, end.started_at) == (Reason.CONFIG, 128, None)
