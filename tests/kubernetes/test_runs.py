"""Runs on a real cluster: what arrives, how it ends, and what the cluster says where it does not begin."""

from __future__ import annotations

import threading
from typing import Any

import attrs
import pytest

from launchpad import (
    KubernetesLauncher,
    LaunchError,
    LaunchExecutor,
    NameConflict,
    Outcome,
    Reason,
    Run,
    RunNotAvailable,
    RunNotFound,
)
from launchpad.kubernetes.labels import RUN_ID

from .cluster import LONG, Cluster, manifest, shell

pytestmark = pytest.mark.kubernetes


def outcome_of(cluster: Cluster, script: str = "true", **settings: Any) -> Outcome:
    with cluster.launcher(**settings) as launcher:
        return launcher.launch(shell(script))


# What arrives.


def test_what_the_preview_shows_is_what_is_sent(cluster: Cluster) -> None:
    run = shell("true", env={"A": "1"}, labels={"team": "x"})
    with cluster.launcher(resources={"limits": {"memory": "64Mi"}}) as launcher:
        name = launcher.start(run).name
        sent = launcher.spec(run, name)
    (job,) = [job for job in cluster.jobs() if job["metadata"]["name"] == name]

    def contains(actual: Any, expected: Any) -> bool:
        if isinstance(expected, dict):
            return all(contains(actual[key], value) for key, value in expected.items())
        if isinstance(expected, list):
            return len(actual or []) == len(expected) and all(map(contains, actual or [], expected))
        return bool(actual == expected)

    sent["spec"]["template"]["spec"]["containers"][0].pop("env", None)
    assert contains({**job, "apiVersion": "batch/v1", "kind": "Job"}, sent)


def test_a_function_runs_in_an_image_that_has_python_alone(cluster: Cluster) -> None:
    lines: list[str] = []
    run = Run(entrypoint="json:dumps", parameters={"obj": {"day": "today"}})
    with cluster.launcher(image="python:3.11") as launcher:
        assert launcher.submit(run, on_output=lambda run, line: lines.append(line))
        assert not launcher.submit(Run(entrypoint="json:nothing"), on_output=lambda run, line: lines.append(line))
    assert lines == ["launchpad: cannot run 'json:nothing': nothing does not exist in json"]


def test_a_sidecar_that_ends_with_the_job_is_no_part_of_its_result(cluster: Cluster) -> None:
    sidecar = {"name": "a-sidecar", "image": "busybox:1", "imagePullPolicy": "IfNotPresent", "args": ["echo", "side"]}
    lines: list[str] = []
    with cluster.launcher(job=manifest(containers=[sidecar, {"name": "job"}])) as launcher:
        outcome = launcher.launch(shell("echo own; exit 5"), on_output=lambda run, line: lines.append(line))
    assert (outcome.exit_code, lines) == (5, ["own"])


def test_lines_far_longer_than_the_pieces_they_are_kept_in_come_whole(cluster: Cluster) -> None:
    lines: list[str] = []
    script = "for n in 1 2 3; do head -c 70000 /dev/zero | tr '\\0' $n; echo; echo short; done"
    with cluster.launcher() as launcher:
        launcher.submit(shell(script), on_output=lambda run, line: lines.append(line))
    assert lines == ["1" * 70000, "short", "2" * 70000, "short", "3" * 70000, "short"]


def test_a_pod_that_is_tried_again_gives_its_last_exit_code_and_all_logs(cluster: Cluster) -> None:
    lines: list[str] = []
    with cluster.launcher(backoff_limit=1) as launcher:
        outcome = launcher.launch(shell("printf $(hostname); exit 4"), on_output=lambda run, line: lines.append(line))
    assert (outcome.exit_code, outcome.reason) == (4, Reason.FAILED)
    assert len(lines) == len(set(lines)) == 2


def test_a_container_that_is_started_again_in_its_pod_goes_on_writing(cluster: Cluster) -> None:
    own = {"name": "job", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    base = manifest(containers=[own], volumes=[{"name": "v", "emptyDir": {}}])
    lines: list[str] = []
    script = "echo x >> /v/tries; wc -l < /v/tries; test $(wc -l < /v/tries) = 2"
    with cluster.launcher(job=base, restart_policy="OnFailure", backoff_limit=3) as launcher:
        outcome = launcher.launch(shell(script), on_output=lambda run, line: lines.append(line))
    assert (outcome.reason, lines) == (Reason.COMPLETED, ["1", "2"])


def test_one_run_can_be_launched_twice_at_once_and_again(cluster: Cluster) -> None:
    run = shell("hostname; sleep 1")
    lines: list[str] = []
    with cluster.launcher() as launcher, LaunchExecutor(launcher, max_workers=6) as executor:
        futures = [executor.submit(run, on_output=lambda run, line: lines.append(line)) for _ in range(6)]
        assert [future.result(LONG) for future in futures] == [True] * 6
        assert launcher.submit(run, on_output=lambda run, line: lines.append(line))
    assert len(set(lines)) == 7


# Names.


def test_a_name_that_is_anothers_is_left_alone_and_the_next_one_taken(cluster: Cluster) -> None:
    run = shell("true")
    with cluster.launcher() as launcher:
        first = next(launcher.names(run))
        taken = launcher.spec(shell("sleep 0"), first)
        cluster.create("batch/v1", "jobs", taken)
        assert launcher.launch(run).handle.name != first


def test_a_job_of_our_run_that_is_there_already_is_ours(cluster: Cluster) -> None:
    run = shell("sleep 2; exit 6")
    with cluster.launcher() as launcher:
        made = cluster.create("batch/v1", "jobs", launcher.spec(run, next(launcher.names(run))))
        outcome = launcher.launch(run)
    assert (outcome.handle.id, outcome.exit_code) == (made["metadata"]["uid"], 6)


def test_when_all_names_are_taken_the_error_says_so(cluster: Cluster) -> None:
    class Stubborn(KubernetesLauncher):
        def names(self, run: Run) -> Any:
            return iter(["stubborn"])

    cluster.create("batch/v1", "jobs", cluster.launcher().spec(shell("true"), "stubborn"))
    with (
        Stubborn(image="busybox:1", namespace=cluster.namespace) as launcher,
        pytest.raises(NameConflict, match="delete"),
    ):
        launcher.submit(shell("true"))


# How it ends.


def test_more_memory_than_the_limit_is_out_of_memory(cluster: Cluster) -> None:
    outcome = outcome_of(
        cluster,
        "exec python3 -c 'x = bytearray(200_000_000); print(len(x))'",
        image="python:3.11",
        resources={"limits": {"memory": "20Mi"}},
    )
    assert (outcome.exit_code, outcome.reason) == (137, Reason.OOM_KILLED)
    assert "resources" in outcome.hint


def test_a_deadline_of_the_manifest_is_a_reason_of_its_own(cluster: Cluster) -> None:
    base = manifest()
    base["spec"]["activeDeadlineSeconds"] = 3
    outcome = outcome_of(cluster, "sleep 1000", job=base)
    assert (outcome.ok, outcome.reason) == (False, Reason.DEADLINE)
    assert "DeadlineExceeded" in outcome.message


def test_a_program_that_the_image_lacks_is_named(cluster: Cluster) -> None:
    with cluster.launcher() as launcher:
        outcome = launcher.launch(Run(command=["no-such-program"]))
    assert (outcome.ok, outcome.reason) == (False, Reason.CONFIG)
    assert "no-such-program" in outcome.message


def test_job_watch_timeout_stops_a_run(cluster: Cluster) -> None:
    outcome = outcome_of(cluster, "sleep 1000", job_watch_timeout=0.5)
    assert outcome.reason is Reason.TIMED_OUT
    assert cluster.leftovers() == []


# Handles.


def test_a_handle_of_another_namespace_or_cluster_is_not_available(cluster: Cluster) -> None:
    with cluster.launcher() as launcher:
        handle = launcher.start(shell("true"))
        with cluster.launcher(namespace="default") as other, pytest.raises(RunNotAvailable, match=cluster.namespace):
            other.wait(handle)
        with pytest.raises(RunNotAvailable):
            launcher.wait(attrs.evolve(handle, engine=f"https://elsewhere/{cluster.namespace}"))


def test_a_handle_whose_job_is_gone_or_another_is_not_found(cluster: Cluster) -> None:
    with cluster.launcher() as launcher, cluster.launcher() as other:
        handle = launcher.start(shell("true"))
        launcher.wait(handle)
        with pytest.raises(RunNotFound):
            other.wait(attrs.evolve(handle, id="another-uid"))
        launcher.remove(handle)
        assert handle.name not in [job["metadata"]["name"] for job in cluster.jobs()]
        with pytest.raises(RunNotFound):
            other.wait(handle)


def test_who_waits_elsewhere_gets_the_log_from_its_first_line(cluster: Cluster) -> None:
    lines: list[str] = []
    with cluster.launcher(stream_output=False) as launcher, cluster.launcher() as other:
        handle = launcher.start(shell("echo first; sleep 2; echo last; exit 3"))
        assert launcher.wait(handle).exit_code == 3
        assert other.wait(handle, on_output=lambda run, line: lines.append(line)).exit_code == 3
    assert lines == ["first", "last"]


# What is asked of the server.


@pytest.mark.alone
def test_two_watches_serve_all_runs_and_each_costs_its_create_and_its_log(
    cluster: Cluster, proxy: Any, through: Any
) -> None:
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(shell("echo hello") for _ in range(6))
        assert [future.result(LONG) for future in futures] == [True] * 6
    assert proxy.count("^POST") == 6
    assert proxy.count("/log") == 6
    assert proxy.count("watch=true") == 2
    assert len(proxy.requests) == 6 + 6 + 2 + 2  # and the two listings
    assert all(RUN_ID.replace("/", "%2F") in request for request in proxy.requests if "watch=true" in request)


def test_a_log_that_is_not_wanted_is_not_asked_for(cluster: Cluster, proxy: Any, through: Any) -> None:
    with cluster.launcher(kubeconfig=through, stream_output=False) as launcher:
        assert launcher.submit(shell("echo hello"))
    assert proxy.count("/log") == 0


def test_threads_are_as_many_as_workers_and_two_more(cluster: Cluster) -> None:
    with cluster.launcher() as launcher, LaunchExecutor(launcher, max_workers=4) as executor:
        before = threading.active_count()
        futures = executor.launch_all(shell("sleep 1") for _ in range(4))
        for future in futures:
            future.wait_started(LONG)
        assert threading.active_count() - before == 4 + 2


def test_an_unknown_context_is_an_error_that_lists_those_there_are(cluster: Cluster, tmp_path: Any) -> None:
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path), context="other")
    with launcher, pytest.raises(LaunchError, match=r"no context 'other' in .*; there are: ctx\."):
        launcher.submit(shell("true"))


def test_the_namespace_is_that_of_the_context_where_none_is_given(cluster: Cluster, tmp_path: Any) -> None:
    with cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path), namespace=None) as launcher:
        assert launcher.launch(shell("true")).handle.engine.endswith(f"/{cluster.namespace}")
