"""Faults of the cluster and of the network: no result is lost, and nothing is left behind."""

from __future__ import annotations

import logging
import os
import pathlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing, contextmanager

import pytest

from launchpad import KubernetesLauncher, LaunchError, LaunchExecutor, LaunchFuture, Outcome, Reason, Retry, Run
from launchpad.kubernetes.api import KubernetesApi
from launchpad.kubernetes.config import find_cluster
from tests.helping import interrupted, until

from .cluster import JOBS, LONG, Cluster, engine, eventually, manifest, numbered, rule, shell
from .proxy import Proxy

pytestmark = pytest.mark.kubernetes

TEN_LINES = "for n in 0 1 2 3 4 5 6 7 8 9; do echo line $n; sleep 1; done"


class Lines(dict[str, list[str]]):
    """The lines of each run, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def __call__(self, run: Run, line: str) -> None:
        with self._changed:
            self.setdefault(run.id, []).append(line)
            self._changed.notify_all()

    def wait_for(self, line: str, runs: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: sum(line in lines for lines in self.values()) >= runs, LONG), self


def launched(executor: LaunchExecutor, lines: Lines, number: int, script: str) -> list[LaunchFuture]:
    futures = [executor.submit(shell(script), on_output=lines) for _ in range(number)]
    lines.wait_for("line 0", number)
    return futures


def outcomes(futures: list[LaunchFuture]) -> list[Outcome]:
    wait(futures, LONG)
    return [future.outcome for future in futures]


def marking(cluster: Cluster, folder: pathlib.Path) -> KubernetesLauncher:
    """A launcher whose runs can write to `folder`, as /ended: the node is this machine."""
    own = {"name": "job", "volumeMounts": [{"name": "ended", "mountPath": "/ended"}]}
    return cluster.launcher(
        job=manifest(containers=[own], volumes=[{"name": "ended", "hostPath": {"path": str(folder)}}])
    )


@contextmanager
def stopped(part: str, runs: int, folder: pathlib.Path) -> Iterator[None]:
    """Stops a part of the cluster until so many runs have written to `folder`."""
    engine("stop", part)
    try:
        yield
        until(lambda: len(list(folder.iterdir())) == runs, LONG)
    finally:
        engine("start", part)


@pytest.mark.alone
@pytest.mark.parametrize(("part", "runs"), [("apiserver", 10), ("kubelet", 3)])
@pytest.mark.usefixtures("engines")
def test_no_result_and_no_line_is_lost_if_runs_end_while_a_part_of_the_cluster_is_down(
    cluster: Cluster, tmp_path: pathlib.Path, part: str, runs: int
) -> None:
    lines = Lines()
    with marking(cluster, tmp_path) as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, runs, f"{TEN_LINES}; touch /ended/$HOSTNAME; exit 3")
        with stopped(part, runs, tmp_path):
            queued = executor.submit(shell("echo line 0"), on_output=lines)
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * runs
        assert queued.result(LONG) is True
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * runs


def test_watches_that_are_cut_three_times_are_reopened(cluster: Cluster, proxy: Proxy, through: pathlib.Path) -> None:
    lines, cut, opened = Lines(), [], 0
    watch = r"/(jobs|pods)\?.*watch=true"
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 2, f"{TEN_LINES}; sleep 10; exit 3")
        for _ in range(3):
            proxy.wait_for(watch, opened + 2)
            opened = proxy.count(watch)
            cut.append(proxy.cut(watch))
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * 2
    assert all(cut), cut  # the server may have ended one of the two just now
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 2


def test_no_result_and_no_line_is_lost_if_runs_end_while_no_packet_arrives(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    lines = Lines()
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 5, f"{TEN_LINES}; exit 3")
        proxy.freeze()
        until(lambda: all(job["status"].get("conditions") for job in cluster.jobs()), LONG)
        proxy.thaw()
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * 5
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 5


def test_a_log_that_is_cut_within_a_line_continues_there(cluster: Cluster, proxy: Proxy, through: pathlib.Path) -> None:
    lines = Lines()
    proxy.cut_after(r"/log\?", b"line 4")
    script = "for n in 0 1 2 3 4 5 6; do printf 'same\\nsame\\n'; echo line $n; sleep 0.3; done"
    with cluster.launcher(kubeconfig=through) as launcher:
        assert launcher.submit(shell(script, id="it"), on_output=lines)
    assert proxy.count("GET .*/log") >= 2
    assert lines["it"] == [line for n in range(7) for line in ("same", "same", f"line {n}")]


def test_a_job_whose_creation_was_not_confirmed_is_found_and_used(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    proxy.lose_answer("^POST")
    with cluster.launcher(kubeconfig=through) as launcher:
        assert launcher.submit(shell("true"))
    assert proxy.count("^POST") == 2
    assert len(cluster.jobs()) == 1


def test_a_deletion_that_was_not_confirmed_is_repeated(cluster: Cluster, proxy: Proxy, through: pathlib.Path) -> None:
    lines = Lines()
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        (future,) = launched(executor, lines, 1, "echo line 0; sleep 1000")
        proxy.lose_answer("^DELETE")
        future.cancel()
    assert future.cancelled()
    assert proxy.count("^DELETE .*/jobs/") == 2
    assert cluster.jobs() == []


def test_a_launch_that_is_stopped_before_its_creation_is_confirmed_leaves_no_job(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    proxy.lose_answer("^POST")
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(shell("sleep 1000"))
        proxy.wait_for("^POST")
        future.cancel()
    assert future.cancelled()
    assert cluster.leftovers() == []


def test_a_pod_that_is_deleted_by_others_is_replaced_and_the_new_result_counts(cluster: Cluster) -> None:
    lines: list[str] = []

    def delete_first(run: Run, line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            cluster.delete("", "pods", line, gracePeriodSeconds=1)

    # The first pod is deleted long before it would end, and fails then: an exit status of 0 would complete the Job.
    command = "trap 'exit 1' TERM; hostname; sleep 25 & wait"
    with cluster.launcher(backoff_limit=4) as launcher:  # the deleted pod counts as failed if its end is reported first
        outcome = launcher.launch(shell(command), on_output=delete_first)
    assert len(lines) == len(set(lines)) == 2, "the second pod writes its own name"
    assert outcome.reason is Reason.COMPLETED


@pytest.mark.alone
@pytest.mark.usefixtures("engines")
def test_the_reason_of_an_evicted_or_lost_pod_is_that_of_the_run(cluster: Cluster) -> None:
    reasons = {"Evicted": Reason.EVICTED, "Preempting": Reason.EVICTED, "NodeLost": Reason.NODE_LOST}
    with cluster.launcher(stream_output=False) as launcher, LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(shell("sleep 1000") for _ in reasons)
        jobs = [future.wait_started(LONG).name for future in futures]
        pods = [eventually(lambda job=job: cluster.pods_of(job), bool)[0]["metadata"]["name"] for job in jobs]
        engine("stop", "kubelet")  # so that it does not reset the status
        try:
            for pod, said in zip(pods, reasons, strict=True):
                cluster.set_status(pod, phase="Failed", reason=said, message="The node was low on resource: memory.")
            assert [future.result(LONG) for future in futures] == [False] * 3
        finally:
            engine("start", "kubelet")
    assert [future.outcome and future.outcome.reason for future in futures] == list(reasons.values())
    assert all("low on resource: memory" in str(future.outcome and future.outcome.message) for future in futures)


@pytest.mark.alone
@pytest.mark.usefixtures("engines")
def test_an_evicted_run_with_a_retry_is_launched_again_in_a_job_of_its_own(cluster: Cluster) -> None:
    script = 'if [ "$LAUNCHPAD_ATTEMPT" = 1 ]; then sleep 1000; fi'
    with cluster.launcher(stream_output=False) as launcher, LaunchExecutor(launcher, retry=Retry(1)) as executor:
        future = executor.submit(run := shell(script))
        job = future.wait_started(LONG).name
        pod = eventually(lambda: cluster.pods_of(job), bool)[0]["metadata"]["name"]
        engine("stop", "kubelet")  # so that it does not reset the status
        try:
            cluster.set_status(pod, phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
            assert eventually(lambda: future.attempts, bool, LONG)
        finally:
            engine("start", "kubelet")
        assert future.result(LONG) is True
        assert [outcome.reason for outcome in future.attempts] == [Reason.EVICTED, Reason.COMPLETED]
        assert [outcome.handle.name for outcome in future.attempts] == [job, f"{job}-2"]
        labels = {one["metadata"]["name"]: one["metadata"]["labels"] for one in cluster.jobs()}
        assert [labels[name]["launchpad.io/attempt"] for name in (job, f"{job}-2")] == ["1", "2"]
        assert {labels[name]["launchpad.io/run-id"] for name in labels} == {run.id}


def test_the_result_of_a_job_that_is_removed_at_its_end_is_not_lost(cluster: Cluster) -> None:
    with cluster.launcher(finished_job_ttl=0) as launcher, LaunchExecutor(launcher) as executor:
        futures = [executor.submit(shell(f"exit {n % 2}")) for n in range(6)]
        assert [future.result(LONG) for future in futures] == [True, False] * 3
    assert eventually(cluster.jobs, lambda jobs: not jobs) == []


@pytest.mark.alone
def test_fifty_runs_cancelled_at_random_moments_leave_nothing_behind(cluster: Cluster) -> None:
    with cluster.launcher() as launcher, LaunchExecutor(launcher, max_workers=50) as executor:
        futures = executor.launch_all(shell("sleep 1000") for _ in range(50))
        for future in random.sample(futures, len(futures)):
            threading.Event().wait(random.uniform(0, 0.2))
            assert future.cancel()
    assert [future.cancelled() for future in futures] == [True] * 50
    assert cluster.leftovers() == []


SCRIPT = """
import sys
from launchpad import KubernetesLauncher, LaunchExecutor, Run

launcher = KubernetesLauncher(image="busybox:1", image_pull_policy="IfNotPresent", namespace=sys.argv[1], grace=1)
with LaunchExecutor(launcher, max_workers=10, prefix=False) as executor:
    runs = [Run(command=["sh", "-c", "echo ready; sleep 1000"], name=f"queued {n}") for n in range(60)]
    executor.launch_all(runs)
"""


@pytest.mark.alone
def test_ctrl_c_with_ten_running_and_fifty_queued_runs_leaves_nothing_behind(
    cluster: Cluster, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), cluster.namespace]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}

    def unnoticed() -> bool:
        return not any(job["metadata"].get("deletionTimestamp") for job in cluster.jobs())

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as script:
        assert script.stdout is not None
        assert [script.stdout.readline() for _ in range(10)] == ["ready\n"] * 10
        with interrupted(script.pid, unnoticed):
            _, errors = script.communicate(timeout=LONG)
    assert "KeyboardInterrupt" in errors
    assert cluster.leftovers() == []
    assert cluster.jobs() == []


def is_accepted(cluster: Cluster, kubeconfig: pathlib.Path) -> bool:
    """Whether the API server accepts the credentials."""
    with closing(KubernetesApi(find_cluster(str(kubeconfig), None)[0])) as api:
        try:
            api.request("GET", cluster.path("batch/v1", "jobs"))
        except LaunchError:
            return False
        return True


def test_a_token_that_is_no_longer_accepted_is_read_again(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    for name in ("old", "new"):
        cluster.service_account(name, JOBS, rule("", "pods pods/log", "get list watch"))
    old, new = (cluster.kubeconfig(tmp_path, token=cluster.token(name)) for name in ("old", "new"))
    file = tmp_path / "kubeconfig"
    file.write_text(old.read_text())
    with cluster.launcher(kubeconfig=file) as launcher:
        started = launcher.start(shell("sleep 15; exit 3"))
        cluster.delete("", "serviceaccounts", "old")
        file.write_text(new.read_text())
        until(lambda: not is_accepted(cluster, old))  # the API server remembers for seconds that a token is valid
        assert launcher.submit(shell("echo hello"))
        assert launcher.wait(started).exit_code == 3


def test_an_invalid_token_is_an_error_that_says_so(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token="expired"))
    with launcher, pytest.raises(LaunchError, match="log in"):
        launcher.submit(shell("true"))


def test_a_run_whose_job_may_not_be_watched_fails_and_leaves_nothing_behind(
    cluster: Cluster, tmp_path: pathlib.Path
) -> None:
    cluster.service_account("blind", rule("batch", "jobs", "create get list delete"))
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("blind")))
    with launcher, pytest.raises(LaunchError, match=r"Not allowed to (watch jobs|list pods) in namespace"):
        launcher.submit(shell("sleep 1000"))
    assert cluster.leftovers() == []


def test_a_log_that_may_not_be_read_is_a_warning_and_the_result_counts(
    cluster: Cluster, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.service_account("mute", JOBS, rule("", "pods", "get list watch"))
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("mute")))
    with launcher, caplog.at_level(logging.WARNING, "launchpad"):
        assert launcher.submit(shell("echo hello"))
    assert ["Not allowed to get pods/log" in record.getMessage() for record in caplog.records] == [True]
