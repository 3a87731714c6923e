"""Sidecars: runs that end with their own container, and failures of other containers by name."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import KubernetesLauncher, Reason, Run
from launchpad.kubernetes.diagnosis import of_end

from .cluster import Cluster, manifest, shell
from .followed import FAILED, job, pod
from .replay.launching import launch
from .replay.server import serving
from .replay.world import World

ENDS_WITH_CONTAINER = {"launchpad.io/ends-with": "container"}
NEVER_ENDS = {"name": "proxy", "image": "busybox:1", "args": ["sleep", "1000"]}


@pytest.mark.parametrize(
    ("number", "code", "requests"),
    [
        ("01", 0, []),
        ("02", 3, []),
        ("12", 0, ["delete jobs"]),  # a sidecar that never ends
        ("13", 0, []),  # native sidecars, which the node stops
        ("13b", 3, []),
        ("14", 0, ["delete jobs"]),  # a sidecar that never starts
    ],
)
def test_a_run_that_ends_with_its_container_has_its_exit_code_and_leaves_no_sidecar(
    number: str, code: int, requests: list[str]
) -> None:
    world, lines = World(number), list[str]()
    with serving() as server:
        outcome = launch(
            server, world, f"own-{number}", {"ends_with": "container"}, on_output=lambda _, line: lines.append(line)
        )
    assert (outcome.ok, outcome.exit_code, world.requests) == (code == 0, code, requests)
    assert (lines, outcome.output_complete) == (["hello"], True)


@pytest.mark.parametrize("number", ["15", "18b", "19"])
def test_a_run_that_is_cut_short_before_its_container_has_ended_is_no_success(number: str) -> None:
    with serving() as server:
        outcome = launch(server, World(number), f"cut-short-{number}", {"ends_with": "container"})
    assert outcome.reason in (Reason.VANISHED, Reason.EVICTED)


def own_job(*conditions: Any) -> dict[str, Any]:
    known = job(*conditions)
    return {**known, "metadata": {**known["metadata"], "annotations": ENDS_WITH_CONTAINER}}


def with_sidecar(code: int | None, sidecar: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    known = pod(code)
    known["status"]["containerStatuses"].append({"name": "proxy", "state": sidecar})
    return {**known, "metadata": {**known["metadata"], **metadata}}


def test_a_sidecar_that_fails_after_the_container_does_not_change_the_result(follow: Any) -> None:
    run = follow(created=own_job())
    run.watchers.report("pod", with_sidecar(0, {"terminated": {"exitCode": 1}}))
    run.watchers.report("job", own_job(FAILED))
    assert (run.end().reason, run.end().exit_code) == (Reason.COMPLETED, 0)


def test_a_sidecar_that_fails_before_the_container_has_ended_does_not_end_the_run(follow: Any) -> None:
    run = follow(created=own_job())
    run.report(with_sidecar(None, {"terminated": {"exitCode": 1}}))
    assert run.server.requests == []


def test_a_run_whose_sidecars_are_being_stopped_has_ended_and_is_not_stopped_again(follow: Any) -> None:
    run = follow(created=own_job())
    run.report(with_sidecar(3, {"running": {}}))
    assert (run.unit.has_ended(), run.server.requests) == (True, ["delete"])
    run.report(with_sidecar(3, {"terminated": {"exitCode": 143}}, deletionTimestamp="2030-01-01T00:00:09Z"))
    run.watchers.report("job", own_job(), gone=True)
    run.watchers.report("pod", {**with_sidecar(3, {"terminated": {"exitCode": 143}}), "gone": True}, gone=True)
    end = run.end()
    assert (end.reason, end.exit_code, end.message) == (Reason.FAILED, 3, "Exited with status 3.")


def test_a_sidecar_that_has_failed_is_named_where_the_run_has_failed_but_not_if_the_node_has_stopped_it() -> None:
    status = {"state": {"terminated": {"exitCode": 137}}, "restartCount": 2}
    failed = {"lastState": {"terminated": {"exitCode": 1}}}
    inits = [{"name": "proxy", **status, **failed}, {"name": "quiet", **status}]
    known = {**pod(3, phase="Failed", initContainerStatuses=inits), "sidecars": ["proxy", "quiet"], "cut": False}
    end = of_end(job(FAILED), [known])
    assert (end.exit_code, end.message) == (3, "Exited with status 3. The sidecar 'proxy' exited with status 1.")


def test_a_run_ends_with_its_job_unless_it_says_otherwise() -> None:
    run = Run(command=["true"])
    assert "annotations" not in KubernetesLauncher(image="i").spec(run, "n")["metadata"]
    made = KubernetesLauncher(image="i", ends_with="container").spec(run, "n")
    assert made["metadata"]["annotations"] == ENDS_WITH_CONTAINER


@pytest.mark.parametrize("settings", [{"backoff_limit": 1}, {"job": {**manifest(), "spec": {"backoffLimit": 2}}}])
def test_a_run_that_ends_with_its_container_is_not_retried_by_the_cluster(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="ends_with 'container' needs a backoff_limit"):
        KubernetesLauncher(image="i", ends_with="container", **settings)


def test_an_unknown_end_is_refused() -> None:
    with pytest.raises(ValueError, match="ends_with must be 'job' or 'container', not 'pod'"):
        KubernetesLauncher(image="i", ends_with="pod")


@pytest.mark.kubernetes
def test_a_sidecar_that_never_ends_is_stopped_and_no_line_is_lost(cluster: Cluster) -> None:
    lines: list[str] = []
    base = manifest(containers=[{"name": "job"}, NEVER_ENDS])
    with cluster.launcher(job=base, ends_with="container") as launcher:
        outcome = launcher.launch(shell("seq 20000; exit 3"), on_output=lambda _, line: lines.append(line))
    assert (outcome.reason, outcome.exit_code, outcome.message) == (Reason.FAILED, 3, "Exited with status 3.")
    assert (len(lines), lines[-1], outcome.output_complete) == (20000, "20000", True)
    assert cluster.leftovers() == []


@pytest.mark.kubernetes
def test_another_process_learns_from_the_job_that_its_run_ends_with_the_container(cluster: Cluster) -> None:
    base = manifest(containers=[{"name": "job"}, NEVER_ENDS])
    with cluster.launcher(job=base, ends_with="container") as launcher:
        handle = launcher.start(shell("sleep 1"))
    with cluster.launcher() as other:
        assert other.wait(handle).ok
