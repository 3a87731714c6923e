"""Jobs as listed runs, and the deadline that the cluster enforces if no process is left that does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import pytest

from launchpad import Handle, KubernetesLauncher, Listed, Reason, Run
from launchpad.kubernetes.diagnosis import of_end
from launchpad.kubernetes.listing import listed
from launchpad.kubernetes.status import slim
from launchpad.net.wakeup import Wakeup

KIND = {"apiVersion": "batch/v1", "kind": "Job"}
START = "2030-01-01T00:00:00Z"
ENDED = {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2030-01-01T00:00:09Z"}]}


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    with closing(Wakeup()) as wakeup:
        yield wakeup


def job(status: dict[str, Any] = {}, notes: object = None, **metadata: Any) -> dict[str, Any]:
    labels = {"launchpad.io/run-id": "the-id", "launchpad.io/run-name": "my-run"}
    named = {"name": "my-run-1", "uid": "u-1", "labels": labels, "annotations": notes, **metadata}
    return {"metadata": named, "spec": {}, "status": {"startTime": START, **status}}


def pod(state: dict[str, Any], job_name: str = "my-run-1", uid: str = "u-1") -> dict[str, Any]:
    labels = {"job-name": job_name, "controller-uid": uid}
    status = {"phase": "Running", "containerStatuses": [{"name": "job", "state": state}]}
    return {"metadata": {"name": f"{job_name}-x", "labels": labels}, "status": status}


def terminated(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "startedAt": START, "finishedAt": "2030-01-01T00:00:05Z"}}


def test_the_annotations_of_a_job_are_the_facts_of_its_run(wakeup: Wakeup) -> None:
    notes = {"launchpad.io/run-name": "My run!", "launchpad.io/starter": "h/b/1/2"}
    found = listed(job(notes={**notes, "launchpad.io/deadline": "2030-01-01T00:01:00+00:00"}), [], "engine", wakeup)
    assert found == Listed(
        handle=Handle("kubernetes", "u-1", "my-run-1", "engine", "the-id"),
        run_id="the-id",
        name="My run!",
        state="running",
        started_at=datetime(2030, 1, 1, tzinfo=timezone.utc),
        starter="h/b/1/2",
        deadline=datetime(2030, 1, 1, 0, 1, tzinfo=timezone.utc),
    )


def test_an_ended_job_has_the_outcome_of_its_own_pod(wakeup: Wakeup) -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    pods = [pod(terminated(3)), pod(terminated(0), job_name="other", uid="u-2")]
    found = listed(job(failed), pods, "engine", wakeup)
    assert (found.state, found.outcome.exit_code, found.outcome.reason) == ("ended", 3, Reason.FAILED)
    assert found.ended_at == datetime(2030, 1, 1, 0, 0, 5, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "odd", [{"labels": None}, {"labels": {"launchpad.io/run-id": ""}}, {"deletionTimestamp": START}]
)
def test_a_job_that_is_not_a_run_s_or_is_being_deleted_is_left_out(odd: dict[str, Any], wakeup: Wakeup) -> None:
    assert listed(job(ENDED, **odd), [], "engine", wakeup) is None


@pytest.mark.parametrize("text", ["", "x", "2030", "\x1b[2J"])
def test_malformed_annotations_are_unknown_facts(text: str, wakeup: Wakeup) -> None:
    found = listed(job(notes={"launchpad.io/deadline": text, "launchpad.io/run-name": ""}), [], "engine", wakeup)
    assert (found.deadline, found.name) == (None, "my-run")


def spec(timeout: float | None, **settings: Any) -> dict[str, Any]:
    launcher = KubernetesLauncher(image="i", **settings)
    return launcher.spec(Run(command=["true"], timeout=timeout), "name-1")


def test_the_cluster_ends_a_run_that_nobody_has_stopped_after_its_time_out() -> None:
    made = spec(30, pod_watch_timeout=9.5)
    assert made["spec"]["activeDeadlineSeconds"] == 100
    assert made["metadata"]["annotations"] == {"launchpad.io/timeout": "30", "launchpad.io/backstop": "100"}
    assert spec(30, job_watch_timeout=5)["spec"]["activeDeadlineSeconds"] == 125
    assert "activeDeadlineSeconds" not in spec(None)["spec"]


def test_a_shorter_deadline_of_the_manifest_stays_and_is_no_time_out() -> None:
    made = spec(30, job={**KIND, "spec": {"activeDeadlineSeconds": 10}})
    assert made["spec"]["activeDeadlineSeconds"] == 10
    assert made["metadata"]["annotations"] == {"launchpad.io/timeout": "30"}
    assert reason_of(made) is Reason.DEADLINE


def test_annotations_of_the_run_that_an_exported_job_was_are_dropped() -> None:
    notes = {"launchpad.io/starter": "x", "launchpad.io/backstop": "1", "mine": "y"}
    exported = {**KIND, "metadata": {"annotations": notes}}
    assert spec(None, job=exported)["metadata"]["annotations"] == {"mine": "y"}


def test_a_run_that_the_cluster_has_ended_by_that_deadline_has_timed_out() -> None:
    assert reason_of(spec(30)) is Reason.TIMED_OUT


def reason_of(made: dict[str, Any]) -> Reason:
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}
    metadata = {**made["metadata"], "uid": "u-1"}
    return of_end(slim({"metadata": metadata, "spec": made["spec"], "status": {"conditions": [failed]}}), []).reason
