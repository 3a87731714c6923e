"""Runs on a real cluster: their output, names, ends and handles, and the requests that they cost."""

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
from tests.helping import RecordedLines

from .cluster import LONG, Cluster, manifest, shell

pytestmark = pytest.mark.kubernetes


def outcome_of(cluster: Cluster, script: str = "true", **settings: Any) -> Outcome:
    with cluster.launcher(**settings) as launcher:
        return launcher.launch(shell(script))


# Commands and output.


def test_a_function_runs_in_an_image_that_has_only_python(cluster: Cluster) -> None:
    lines = RecordedLines()
    run = Run(entrypoint="json:dumps", parameters={"obj": {"day": "today"}})
    with cluster.launcher(image="python:3.11") as launcher:
        assert launcher.submit(run, on_output=lines)
        assert not launcher.submit(Run(entrypoint="json:nothing"), on_output=lines)
    assert lines.lines == ["launchpad: cannot run 'json:nothing': nothing does not exist in json"]


def test_a_sidecar_does_not_change_the_result_and_the_output(cluster: Cluster) -> None:
    sidecar = {"name": "a-sidecar", "image": "busybox:1", "imagePullPolicy": "IfNotPresent", "args": ["echo", "side"]}
    lines = RecordedLines()
    with cluster.launcher(job=manifest(containers=[sidecar, {"name": "job"}])) as launcher:
        outcome = launcher.launch(shell("echo own; exit 5"), on_output=lines)
    assert (outcome.exit_code, lines.lines) == (5, ["own"])


def test_lines_longer_than_the_pieces_of_the_log_are_whole(cluster: Cluster) -> None:
    lines = RecordedLines()
    script = "for n in 1 2 3; do head -c 70000 /dev/zero | tr '\\0' $n; echo; echo short; done"
    with cluster.launcher() as launcher:
        launcher.submit(shell(script), on_output=lines)
    assert lines.lines == ["1" * 70000, "short", "2" * 70000, "short", "3" * 70000, "short"]


def test_a_retried_pod_has_its_last_exit_code_and_all_logs(cluster: Cluster) -> None:
    lines = RecordedLines()
    with cluster.launcher(backoff_limit=1) as launcher:
        outcome = launcher.launch(shell("printf $(hostname); exit 4"), on_output=lines)
    assert (outcome.exit_code, outcome.reason) == (4, Reason.FAILED)
    assert len(lines.lines) == len(set(lines.lines)) == 2


def test_the_output_of_a_restarted_container_follows_that_of_the_first(cluster: Cluster) -> None:
    own = {"name": "job", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    base = manifest(containers=[own], volumes=[{"name": "v", "emptyDir": {}}])
    lines = RecordedLines()
    script = "echo x >> /v/tries; wc -l < /v/tries; test $(wc -l < /v/tries) = 2"
    with cluster.launcher(job=base, restart_policy="OnFailure", backoff_limit=3) as launcher:
        outcome = launcher.launch(shell(script), on_output=lines)
    assert (outcome.reason, lines.lines) == (Reason.COMPLETED, ["1", "2"])


# Names.


def test_a_launch_tries_the_next_name_if_the_first_is_taken(cluster: Cluster) -> None:
    run = shell("true")
    with cluster.launcher() as launcher:
        first = next(launcher.names(run))
        taken = launcher.spec(shell("sleep 0"), first)
        cluster.create("batch/v1", "jobs", taken)
        assert launcher.launch(run).handle.name != first


def test_an_existing_job_of_the_run_is_used(cluster: Cluster) -> None:
    run = shell("sleep 2; exit 6")
    with cluster.launcher() as launcher:
        made = cluster.create("batch/v1", "jobs", launcher.spec(run, next(launcher.names(run))))
        outcome = launcher.launch(run)
    assert (outcome.handle.id, outcome.exit_code) == (made["metadata"]["uid"], 6)


def test_an_error_says_that_all_names_are_taken(cluster: Cluster) -> None:
    class Stubborn(KubernetesLauncher):
        def names(self, run: Run) -> Any:
            return iter(["stubborn"])

    cluster.create("batch/v1", "jobs", cluster.launcher().spec(shell("true"), "stubborn"))
    with (
        Stubborn(image="busybox:1", namespace=cluster.namespace) as launcher,
        pytest.raises(NameConflict, match="delete"),
    ):
        launcher.submit(shell("true"))


# Ends.


def test_a_run_that_exceeds_the_deadline_of_the_manifest_ends_with_reason_deadline(cluster: Cluster) -> None:
    base = manifest()
    base["spec"]["activeDeadlineSeconds"] = 3
    outcome = outcome_of(cluster, "sleep 1000", job=base)
    assert (outcome.ok, outcome.reason) == (False, Reason.DEADLINE)
    assert "DeadlineExceeded" in outcome.message


def test_a_program_that_is_not_in_the_image_is_named(cluster: Cluster) -> None:
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


def test_a_handle_whose_job_is_gone_or_has_another_uid_is_not_found(cluster: Cluster) -> None:
    with cluster.launcher() as launcher, cluster.launcher() as other:
        handle = launcher.start(shell("true"))
        launcher.wait(handle)
        with pytest.raises(RunNotFound):
            other.wait(attrs.evolve(handle, id="another-uid"))
        launcher.remove(handle)
        assert handle.name not in [job["metadata"]["name"] for job in cluster.jobs()]
        with pytest.raises(RunNotFound):
            other.wait(handle)


def test_waiting_with_another_launcher_returns_the_log_from_its_first_line(cluster: Cluster) -> None:
    lines = RecordedLines()
    with cluster.launcher(stream_output=False) as launcher, cluster.launcher() as other:
        handle = launcher.start(shell("echo first; sleep 2; echo last; exit 3"))
        assert launcher.wait(handle).exit_code == 3
        assert other.wait(handle, on_output=lines).exit_code == 3
    assert lines.lines == ["first", "last"]


# Requests.


@pytest.mark.alone
def test_two_watches_serve_all_runs_and_a_run_takes_two_requests(cluster: Cluster, proxy: Any, through: Any) -> None:
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(shell("echo hello") for _ in range(6))
        assert [future.result(LONG) for future in futures] == [True] * 6
    requests = [request for request in proxy.requests if "/events" not in request]  # those of runs that are pending
    watches = [request for request in requests if "watch=true" in request]
    assert proxy.count("^POST") == 6
    assert proxy.count("/log") == 6
    assert len(watches) < 6  # two, unless the server has ended them after its 30 s
    others = len(requests) - 6 - 6 - len(watches)
    assert others < 6  # the two listings; on a busy cluster, also some for pods whose news is late
    assert all(RUN_ID.replace("/", "%2F") in request for request in watches)


def test_the_log_is_not_requested_without_output(cluster: Cluster, proxy: Any, through: Any) -> None:
    with cluster.launcher(kubeconfig=through, stream_output=False) as launcher:
        assert launcher.submit(shell("echo hello"))
    assert proxy.count("/log") == 0


def test_there_are_two_threads_more_than_workers(cluster: Cluster) -> None:
    with cluster.launcher(grace=0) as launcher, LaunchExecutor(launcher, max_workers=4) as executor:
        before = set(threading.enumerate())
        for future in executor.launch_all(shell("sleep 600") for _ in range(4)):
            future.wait_started(LONG)
        new = [thread for thread in threading.enumerate() if thread not in before]
        assert (
            len([thread for thread in new if "events of" not in thread.name]) == 4 + 2
        )  # one more while any is pending
        executor.stop()


def test_an_unknown_context_is_an_error_that_lists_the_known_ones(cluster: Cluster, tmp_path: Any) -> None:
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path), context="other")
    with launcher, pytest.raises(LaunchError, match=r"no context 'other' in .*; there are: ctx\."):
        launcher.submit(shell("true"))


def test_the_namespace_defaults_to_that_of_the_context(cluster: Cluster, tmp_path: Any) -> None:
    with cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path), namespace=None) as launcher:
        assert launcher.launch(shell("true")).handle.engine.endswith(f"/{cluster.namespace}")
