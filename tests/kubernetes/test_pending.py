"""Runs that a real cluster refuses, or whose pods never start: the reason is reported, and nothing is left behind."""

from __future__ import annotations

import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from launchpad import Launcher, LaunchError, LaunchExecutor, Outcome, Reason, RunEvent, on_event
from tests.cli.command import launchpad

from .cluster import JOBS, LONG, Cluster, eventually, manifest, rule, shell

pytestmark = pytest.mark.kubernetes


PATIENCE = (4, 30)
"""Values of `pod_watch_timeout`, tried one after the other: a busy cluster is late to say why a pod does not start."""


def outcome_of(cluster: Cluster, **settings: Any) -> Outcome:
    with cluster.launcher(**settings) as launcher:
        return launcher.launch(shell("true"))


def explained(cluster: Cluster, **settings: Any) -> Outcome:
    """The outcome of a run whose pod does not start, once the cluster has said why."""
    for timeout in PATIENCE:
        outcome = outcome_of(cluster, pod_watch_timeout=timeout, **settings)
        if outcome.reason is not Reason.NEVER_STARTED:
            break
    return outcome


def test_an_invalid_image_name_ends_the_run_at_once(cluster: Cluster) -> None:
    outcome = outcome_of(cluster, image="Not::An::Image")
    assert (outcome.ok, outcome.reason) == (False, Reason.IMAGE_PULL)
    assert "InvalidImageName" in outcome.message
    assert cluster.jobs() == []


def test_a_missing_image_that_may_not_be_pulled_ends_the_run_at_once(cluster: Cluster) -> None:
    outcome = outcome_of(cluster, image="not-here:1", image_pull_policy="Never")
    assert (outcome.ok, outcome.reason) == (False, Reason.IMAGE_PULL)
    assert "ErrImageNeverPull" in outcome.message
    assert "image_pull_policy" in outcome.hint


def test_an_image_that_does_not_exist_ends_the_run_after_two_failed_pulls(cluster: Cluster) -> None:
    outcome = outcome_of(cluster, image="127.0.0.1:5000/missing:1", pod_watch_timeout=1000)
    assert (outcome.ok, outcome.reason) == (False, Reason.IMAGE_PULL)
    assert "missing:1" in outcome.message
    assert cluster.jobs() == []


def test_a_run_that_no_node_has_room_for_ends_after_pod_watch_timeout(cluster: Cluster) -> None:
    started = time.monotonic()
    outcome = explained(cluster, resources={"requests": {"cpu": "1000"}})
    assert (outcome.ok, outcome.reason) == (False, Reason.UNSCHEDULABLE)
    assert "Insufficient cpu" in outcome.message
    assert "pod_watch_timeout" in outcome.hint
    assert time.monotonic() - started >= PATIENCE[0]
    assert cluster.jobs() == []


def test_a_variable_from_a_missing_config_map_ends_the_run_at_once(cluster: Cluster) -> None:
    own = {"name": "job", "envFrom": [{"configMapRef": {"name": "missing-map"}}]}
    outcome = outcome_of(cluster, job=manifest(containers=[own]))
    assert (outcome.ok, outcome.reason) == (False, Reason.CONFIG)
    assert "missing-map" in outcome.message
    assert cluster.jobs() == []


@pytest.mark.alone
def test_a_volume_from_a_missing_config_map_is_reported_from_the_pods_events(cluster: Cluster) -> None:
    volume = {"name": "v", "configMap": {"name": "missing-map"}}
    own = {"name": "job", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    outcome = explained(cluster, job=manifest(containers=[own], volumes=[volume]))
    assert (outcome.ok, outcome.reason) == (False, Reason.CONFIG)
    assert "missing-map" in outcome.message


def test_a_missing_service_account_is_an_error_in_the_servers_words(cluster: Cluster) -> None:
    with pytest.raises(LaunchError, match=r'serviceaccount "nobody-here" not found'):
        outcome_of(cluster, service_account_name="nobody-here")
    assert cluster.jobs() == []


def test_a_missing_namespace_is_an_error_in_the_servers_words(cluster: Cluster) -> None:
    with pytest.raises(LaunchError, match='namespaces "no-such-place" not found'):
        outcome_of(cluster, namespace="no-such-place")


def test_a_quota_for_jobs_is_an_error_in_the_servers_words(cluster: Cluster) -> None:
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    cluster.create("", "resourcequotas", quota)
    try:
        eventually(lambda: cluster.list("", "resourcequotas")[0].get("status"), lambda status: status.get("hard"))
        with pytest.raises(LaunchError, match="exceeded quota"):
            outcome_of(cluster)
    finally:
        cluster.delete("", "resourcequotas", "q")


def test_a_full_quota_for_pods_is_an_error_in_the_servers_words_after_pod_watch_timeout(cluster: Cluster) -> None:
    cluster.create("", "resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    try:
        eventually(lambda: cluster.list("", "resourcequotas")[0].get("status"), lambda status: status.get("hard"))
        with pytest.raises(LaunchError, match="exceeded quota"):
            explained(cluster)
    finally:
        cluster.delete("", "resourcequotas", "q")
    assert cluster.jobs() == []


def test_a_run_that_exceeds_a_limit_range_is_an_error_in_the_servers_words(cluster: Cluster) -> None:
    limit = {"type": "Container", "max": {"memory": "10Mi"}}
    cluster.create("", "limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    try:
        with pytest.raises(LaunchError, match="maximum memory usage"):
            outcome_of(cluster, resources={"limits": {"memory": "64Mi"}})
    finally:
        cluster.delete("", "limitranges", "l")
    assert cluster.jobs() == []


def test_an_invalid_manifest_is_an_error_in_the_servers_words(cluster: Cluster) -> None:
    with pytest.raises(LaunchError, match=r"spec\.template\.spec\.restartPolicy"):
        outcome_of(cluster, job=manifest(restartPolicy="Always"))


def test_a_missing_permission_is_an_error_with_verb_resource_and_namespace(cluster: Cluster, tmp_path: Any) -> None:
    cluster.service_account("powerless")
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("powerless")))
    with launcher, pytest.raises(LaunchError, match=f"Not allowed to create jobs in namespace '{cluster.namespace}'"):
        launcher.submit(shell("true"))


def test_launchpad_run_says_why_a_run_is_pending_in_one_line(cluster: Cluster) -> None:
    settings = ["image=busybox:1", "resources.requests.cpu=1000", f"namespace={cluster.namespace}"]
    flags = [word for setting in settings for word in ("--set", setting)]
    for timeout in PATIENCE:
        limit = ("--set", f"pod_watch_timeout={timeout}")
        done = launchpad("run", "--launcher", "kubernetes", *flags, *limit, "--name", "big", "--", "true")
        if "pending" in done.stderr:
            break
    first, *others = done.stderr.splitlines()
    assert first.startswith("launchpad: big is pending: unschedulable: 0/")
    assert "Insufficient cpu" in first
    assert not any("pending" in line for line in others)


def test_without_permission_for_events_the_conditions_of_the_pod_say_why_it_is_pending(
    cluster: Cluster, tmp_path: Path
) -> None:
    pods = rule("", "pods", "get list watch delete")
    cluster.service_account("no-events", JOBS, pods)
    kubeconfig = cluster.kubeconfig(tmp_path, token=cluster.token("no-events"))
    launcher = cluster.launcher(kubeconfig=kubeconfig, resources={"requests": {"cpu": "1000"}}, stream_output=False)
    assert reasons_until(launcher, "unschedulable") == ["unschedulable"]


def test_what_only_the_clusters_events_tell_is_reported_while_a_run_is_pending(cluster: Cluster) -> None:
    cluster.create("", "resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    try:
        eventually(lambda: cluster.list("", "resourcequotas")[0].get("status"), lambda status: status.get("hard"))
        assert reasons_until(cluster.launcher(), "quota") == ["quota"]
    finally:
        cluster.delete("", "resourcequotas", "q")


def reasons_until(launcher: Launcher, last: str) -> list[str | None]:
    """Why a run is pending, until it is for this reason; then it is cancelled."""
    found: SimpleQueue[str | None] = SimpleQueue()

    def note(event: RunEvent) -> None:
        if event.kind == "pending" and event.run.name == last:
            found.put(event.reason)

    reasons: list[str | None] = []
    with launcher, LaunchExecutor(launcher) as executor, on_event(note):
        future = executor.submit(shell("true", name=last))
        while last not in reasons:
            reasons.append(found.get(timeout=LONG))
        future.cancel()
    return reasons


def test_a_run_that_is_cancelled_while_it_waits_for_a_node_leaves_nothing_behind(cluster: Cluster) -> None:
    settings: dict[str, Any] = {"resources": {"requests": {"cpu": "1000"}}}
    with cluster.launcher(**settings) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(shell("true"))
        future.wait_started(LONG)
        future.cancel()
    assert (future.cancelled(), cluster.jobs()) == (True, [])
