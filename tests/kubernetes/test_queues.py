"""Queues: what the Job of a queue looks like, and when the time-out of its run begins."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from launchpad import KubernetesLauncher, Run
from launchpad.core.cancellation import StopToken
from launchpad.kubernetes.creation import JobCreation
from launchpad.kubernetes.labels import QUEUE
from launchpad.kubernetes.queues import deadline

from .followed import job

RUN = Run(command=["true"], timeout=30)


def spec(**settings: Any) -> dict[str, Any]:
    return KubernetesLauncher(image="i", **settings).spec(RUN, "name-1")


def test_a_queue_is_a_label_of_the_job_alone_which_is_suspended() -> None:
    made = spec(queue="team-a")
    assert (made["metadata"]["labels"][QUEUE], made["spec"]["suspend"]) == ("team-a", True)
    assert QUEUE not in made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["activeDeadlineSeconds"] == 30 + 60 + 60


def test_without_a_queue_a_job_is_not_suspended() -> None:
    made = spec()
    assert (QUEUE in made["metadata"]["labels"], "suspend" in made["spec"]) == (False, False)


def test_the_queue_overrides_that_of_the_manifest_which_stays_as_it_is() -> None:
    manifest = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"labels": {QUEUE: "old", "a": "b"}}}
    labels = spec(job=manifest, queue="new")["metadata"]["labels"]
    assert (labels[QUEUE], labels["a"], manifest["metadata"]) == ("new", "b", {"labels": {QUEUE: "old", "a": "b"}})
    assert spec(job=manifest)["metadata"]["labels"][QUEUE] == "old"


@pytest.mark.parametrize("name", ["", "Team", "a" * 64, "-a", "a_b", 7])
def test_a_name_that_no_queue_can_have_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="queue must be a name"):
        KubernetesLauncher(image="i", queue=name)


def test_without_pod_watch_timeout_the_cluster_does_not_end_a_run_that_may_still_wait() -> None:
    made = spec(pod_watch_timeout=None)
    assert "activeDeadlineSeconds" not in made["spec"]
    assert made["metadata"]["annotations"] == {"launchpad.io/timeout": "30"}


def test_the_job_of_a_queue_records_no_end_of_its_time_out() -> None:
    for queue, recorded in (("team-a", False), (None, True)):
        jobs: Any = SimpleNamespace(
            api=SimpleNamespace(retry=lambda _, request: request()), create=lambda sent, _: sent
        )
        created = JobCreation(jobs, spec(queue=queue), "name-1").run(StopToken())
        assert ("launchpad.io/deadline" in created["metadata"]["annotations"]) is recorded


@pytest.mark.parametrize(
    ("suspend", "start", "notes", "at"),
    [
        (False, "2030-01-01T00:00:00Z", {"timeout": "30"}, 30),
        (True, "2030-01-01T00:00:00Z", {"timeout": "30"}, None),
        (False, None, {"timeout": "30"}, None),
        (False, "2030-01-01T00:00:00Z", {"timeout": "soon"}, None),
        (False, "2030-01-01T00:00:00Z", {}, None),
        (False, "2030-01-01T00:00:00Z", {"timeout": "30", "deadline": "2030-01-01T00:00:20+00:00"}, 20),
    ],
)
def test_the_time_out_of_a_run_in_a_queue_begins_when_its_job_is_admitted(
    suspend: bool, start: str | None, notes: dict[str, str], at: int | None
) -> None:
    annotations = {f"launchpad.io/{key}": value for key, value in notes.items()}
    known = {"metadata": {"annotations": annotations}, "spec": {"suspend": suspend}, "status": {"startTime": start}}
    expected = None if at is None else datetime(2030, 1, 1, 0, 0, at, tzinfo=timezone.utc)
    assert deadline(known) == expected


def test_the_time_out_of_a_run_stands_still_while_its_job_is_suspended(follow: Any) -> None:
    run = follow(created=job(suspend=True))
    assert run.unit.paused
    run.report(job(suspend=False))
    assert not run.unit.paused
    run.report(job(suspend=True))
    assert run.unit.paused
