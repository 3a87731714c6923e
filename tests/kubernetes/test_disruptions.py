"""Runs whose pod or Job others delete on a real cluster, and runs with a container that fails or does not start."""

from __future__ import annotations

import time
from typing import Any

import pytest

from launchpad import Handle, LaunchExecutor, Outcome, Reason
from tests.helping import RecordedLines, eventually, in_thread

from .cluster import LONG, Cluster, manifest, shell
from .disruptions import DISTURBANCES, Disturb, delete_job

pytestmark = pytest.mark.kubernetes

ENDS_WELL = 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'
"""A run that exits with status 0 when it gets SIGTERM."""

MISSING_IMAGE = "127.0.0.1:5000/missing:1"


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_a_run_that_others_end_is_executed_once_and_has_not_completed(cluster: Cluster, disturb: Disturb) -> None:
    handles: list[Handle] = []
    recorded = RecordedLines()
    with cluster.launcher(grace=2) as launcher:
        launched = in_thread(launcher.launch, shell(ENDS_WELL), on_start=handles.append, on_output=recorded)
        recorded.wait_for("ready")
        disturb(cluster, handles[0])
        outcome = launched.result(LONG)
    assert outcome.reason in (Reason.VANISHED, Reason.EVICTED)  # servers before 1.22 do not report an eviction
    assert recorded.lines == ["ready"]


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_a_job_that_others_delete_while_its_image_is_pulled_has_vanished(cluster: Cluster, policy: str) -> None:
    handles: list[Handle] = []
    with cluster.launcher(image=MISSING_IMAGE, pod_watch_timeout=1000) as launcher:
        launched = in_thread(launcher.launch, shell("true"), on_start=handles.append)
        eventually(lambda: handles and cluster.pods_of(handles[0].name), bool, LONG)
        delete_job(policy)(cluster, handles[0])
        assert launched.result(LONG).reason is Reason.VANISHED


def test_a_cancelled_run_whose_image_cannot_be_pulled_ends_within_seconds(cluster: Cluster) -> None:
    with cluster.launcher(image=MISSING_IMAGE, grace=LONG) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(shell("true"))
        name = future.wait_started(LONG).name  # type: ignore[union-attr]
        eventually(lambda: str(cluster.pods_of(name)), lambda text: "ErrImagePull" in text, LONG)
        begun = time.monotonic()
        future.cancel()
    assert time.monotonic() - begun < 60
    assert cluster.jobs() == []


def container(name: str, script: str = "true", **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "image": "busybox:1",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", script],
        **settings,
    }


def outcome_of(cluster: Cluster, pod: dict[str, Any], **settings: Any) -> Outcome:
    with cluster.launcher(job=manifest(**pod), **settings) as launcher:
        return launcher.launch(shell("true"))


NO_SECRET = {"envFrom": [{"secretRef": {"name": "missing-secret"}}]}
NO_IMAGE = {"image": MISSING_IMAGE, "imagePullPolicy": "Always"}


@pytest.mark.parametrize(
    ("pod", "reason", "name"),
    [
        ({"initContainers": [container("first")], "containers": [{"name": "job", **NO_SECRET}]}, Reason.CONFIG, "job"),
        ({"initContainers": [container("first"), container("second", **NO_IMAGE)]}, Reason.IMAGE_PULL, "second"),
        ({"containers": [{"name": "job"}, container("side", **NO_IMAGE)]}, Reason.IMAGE_PULL, "side"),
        ({"containers": [{"name": "job"}, container("side", **NO_SECRET)]}, Reason.CONFIG, "side"),
    ],
)
def test_a_container_that_cannot_start_ends_the_run_whatever_has_run_before(
    cluster: Cluster, pod: dict[str, Any], reason: Reason, name: str
) -> None:
    outcome = outcome_of(cluster, pod)
    assert outcome.reason is reason
    assert f"The container {name!r}" in outcome.message or f"init container {name!r}" in outcome.message


@pytest.mark.parametrize(
    ("pod", "reason", "said"),
    [
        (
            {"initContainers": [container("fetch", "exit 7")]},
            Reason.FAILED,
            "init container 'fetch' exited with status 7",
        ),
        ({"initContainers": [container("fetch", command=["/missing"])]}, Reason.CONFIG, "'fetch' cannot be started"),
        (
            {"containers": [{"name": "job"}, container("log", "exit 4")]},
            Reason.FAILED,
            "container 'log' exited with status 4",
        ),
    ],
)
def test_the_failure_of_another_container_is_told_by_name(
    cluster: Cluster, pod: dict[str, Any], reason: Reason, said: str
) -> None:
    outcome = outcome_of(cluster, pod)
    assert (outcome.reason, said in outcome.message) == (reason, True)
