"""Faults of the cluster and of the network between us: no result is lost, and nothing is left."""

from __future__ import annotations

import logging
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import wait

import pytest

from launchpad import Handle, LaunchError, LaunchExecutor, LaunchFuture, Outcome, Reason, Run

from .cluster import LONG, Cluster, engine, eventually, numbered, shell
from .proxy import Proxy

pytestmark = pytest.mark.kubernetes

TEN_LINES = "for n in 0 1 2 3 4 5 6 7 8 9; do echo line $n; sleep 1; done"


class Lines(dict[str, list[str]]):
    """What runs write, by their ids; and a wait for a line."""

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


@pytest.mark.alone
def test_an_api_server_that_is_down_for_10_s_costs_no_result_and_no_line(cluster: Cluster, engines: None) -> None:
    lines = Lines()
    with cluster.launcher() as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 10, f"{TEN_LINES}; exit 3")
        engine("stop", "apiserver")
        try:
            threading.Event().wait(10)
        finally:
            engine("start", "apiserver")
        queued = executor.submit(shell("echo line 0"), on_output=lines)
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * 10
        assert queued.result(LONG) is True
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 10


@pytest.mark.alone
def test_a_kubelet_that_is_down_for_20_s_costs_no_result_and_no_line(cluster: Cluster, engines: None) -> None:
    lines = Lines()
    with cluster.launcher() as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 3, TEN_LINES)
        engine("stop", "kubelet")
        try:
            threading.Event().wait(20)
        finally:
            engine("start", "kubelet")
        assert [outcome.reason for outcome in outcomes(futures)] == [Reason.COMPLETED] * 3
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 3


def test_watches_that_are_cut_three_times_are_opened_anew(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    lines, cut = Lines(), []
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 2, f"{TEN_LINES}; sleep 5; exit 3")
        for again in range(3):
            proxy.wait_for("watch=true", 2 * again + 2)
            cut.append(proxy.cut("watch=true"))
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * 2
    assert cut == [2, 2, 2]
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 2


def test_a_black_hole_of_15_s_costs_no_result_and_no_line(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    lines = Lines()
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        futures = launched(executor, lines, 5, f"{TEN_LINES}; exit 3")
        proxy.freeze()
        threading.Event().wait(15)
        proxy.thaw()
        assert [outcome.exit_code for outcome in outcomes(futures)] == [3] * 5
    assert [lines[future.run.id] for future in futures] == [numbered(range(10))] * 5


def test_a_log_that_is_cut_in_mid_line_goes_on_where_it_was(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    lines = Lines()
    proxy.cut_after(r"/log\?", b"line 4")
    script = "for n in 0 1 2 3 4 5 6; do printf 'same\\nsame\\n'; echo line $n; sleep 0.3; done"
    with cluster.launcher(kubeconfig=through) as launcher:
        assert launcher.submit(shell(script, id="it"), on_output=lines)
    assert proxy.count("GET .*/log") >= 2
    assert lines["it"] == [line for n in range(7) for line in ("same", "same", f"line {n}")]


def test_a_create_whose_answer_was_lost_is_recognised_as_ours(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    proxy.lose_answer("^POST")
    with cluster.launcher(kubeconfig=through) as launcher:
        assert launcher.submit(shell("true"))
    assert proxy.count("^POST") == 2
    assert len(cluster.jobs()) == 1


def test_a_delete_whose_answer_was_lost_is_a_delete(cluster: Cluster, proxy: Proxy, through: pathlib.Path) -> None:
    lines = Lines()
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        (future,) = launched(executor, lines, 1, "echo line 0; sleep 1000")
        proxy.lose_answer("^DELETE")
        future.cancel()
    assert future.cancelled()
    assert proxy.count("^DELETE .*/jobs/") == 2
    assert cluster.jobs() == []


def test_a_create_that_is_never_answered_leaves_nothing_when_it_is_stopped(
    cluster: Cluster, proxy: Proxy, through: pathlib.Path
) -> None:
    proxy.lose_answer("^POST")
    with cluster.launcher(kubeconfig=through) as launcher, LaunchExecutor(launcher) as executor:
        future = executor.submit(shell("sleep 1000"))
        proxy.wait_for("^POST")
        future.cancel()
    assert future.cancelled()
    assert cluster.leftovers() == []


def test_a_job_that_somebody_deletes_has_vanished(cluster: Cluster) -> None:
    def delete(run: Run, line: str) -> None:
        cluster.delete("batch/v1", "jobs", cluster.jobs()[0]["metadata"]["name"], propagationPolicy="Background")

    with cluster.launcher() as launcher:
        outcome = launcher.launch(shell("echo ready; sleep 1000"), on_output=delete)
    assert (outcome.ok, outcome.reason) == (False, Reason.VANISHED)


def test_a_pod_that_somebody_deletes_is_made_anew_and_its_result_counts(cluster: Cluster) -> None:
    lines: list[str] = []

    def delete_first(run: Run, line: str) -> None:
        lines.append(line)
        if len(lines) == 1:
            cluster.delete("", "pods", line, gracePeriodSeconds=1)

    with cluster.launcher(backoff_limit=4) as launcher:  # where its end is told before it is gone, it has failed
        outcome = launcher.launch(shell("hostname; sleep 5"), on_output=delete_first)
    assert len(lines) == len(set(lines)) == 2, "the second pod writes its own name"
    assert outcome.reason is Reason.COMPLETED


@pytest.mark.alone
@pytest.mark.usefixtures("engines")
def test_pods_that_their_node_gives_up_are_told_by_their_reasons(cluster: Cluster) -> None:
    reasons = {"Evicted": Reason.EVICTED, "Preempting": Reason.EVICTED, "NodeLost": Reason.NODE_LOST}
    with cluster.launcher(stream_output=False) as launcher, LaunchExecutor(launcher) as executor:
        futures = executor.launch_all(shell("sleep 1000") for _ in reasons)
        jobs = [future.wait_started(LONG).name for future in futures]
        pods = [eventually(lambda job=job: cluster.pods_of(job), bool)[0]["metadata"]["name"] for job in jobs]
        engine("stop", "kubelet")  # which would contradict
        try:
            for pod, said in zip(pods, reasons, strict=True):
                cluster.set_status(pod, phase="Failed", reason=said, message="The node was low on resource: memory.")
            assert [future.result(LONG) for future in futures] == [False] * 3
        finally:
            engine("start", "kubelet")
    assert [future.outcome and future.outcome.reason for future in futures] == list(reasons.values())
    assert all("low on resource: memory" in str(future.outcome and future.outcome.message) for future in futures)


def test_a_result_that_is_removed_at_once_is_not_lost(cluster: Cluster) -> None:
    with cluster.launcher(finished_job_ttl=0) as launcher, LaunchExecutor(launcher) as executor:
        futures = [executor.submit(shell(f"exit {n % 2}")) for n in range(6)]
        assert [future.result(LONG) for future in futures] == [True, False] * 3
    assert eventually(cluster.jobs, lambda jobs: not jobs) == []


@pytest.mark.alone
def test_fifty_runs_cancelled_at_random_moments_leave_nothing(cluster: Cluster) -> None:
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
with LaunchExecutor(launcher, max_workers=10) as executor:
    runs = [Run(command=["sh", "-c", "echo ready; sleep 1000"], name=f"queued {n}") for n in range(60)]
    executor.launch_all(runs)
"""


@pytest.mark.alone
def test_ctrl_c_with_ten_running_and_fifty_queued_leaves_nothing(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), cluster.namespace]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as script:
        assert script.stdout is not None
        assert [script.stdout.readline() for _ in range(10)] == ["ready\n"] * 10
        script.send_signal(signal.SIGINT)
        _, errors = script.communicate(timeout=LONG)
    assert "KeyboardInterrupt" in errors
    assert cluster.leftovers() == []
    assert cluster.jobs() == []


def test_a_token_that_is_not_accepted_any_more_is_read_anew(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    rights = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]},
    ]
    cluster.service_account("old", *rights)
    cluster.service_account("new", *rights)
    file = cluster.kubeconfig(tmp_path, token=cluster.token("old"))
    with cluster.launcher(kubeconfig=file) as launcher:
        started = launcher.start(shell("sleep 15; exit 3"))
        cluster.delete("", "serviceaccounts", "old")
        file.write_text(cluster.kubeconfig(tmp_path, token=cluster.token("new")).read_text())
        time.sleep(12)  # for so long the API server remembers that a token was good
        assert launcher.submit(shell("echo hello"))
        assert launcher.wait(started).exit_code == 3


def test_a_token_that_is_not_accepted_is_an_error_that_says_so(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token="expired"))
    with launcher, pytest.raises(LaunchError, match="log in"):
        launcher.submit(shell("true"))


def test_watches_that_may_not_be_opened_fail_the_run_and_leave_nothing(
    cluster: Cluster, tmp_path: pathlib.Path
) -> None:
    verbs = ["create", "get", "list", "delete"]
    cluster.service_account("blind", {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": verbs})
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("blind")))
    with launcher, pytest.raises(LaunchError, match=r"Not allowed to (watch jobs|list pods) in namespace"):
        launcher.submit(shell("sleep 1000"))
    assert cluster.leftovers() == []


def test_a_log_that_may_not_be_read_costs_a_warning_and_not_the_result(
    cluster: Cluster, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    rights = [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    ]
    cluster.service_account("mute", *rights)
    handles: list[Handle] = []
    launcher = cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("mute")))
    with launcher, caplog.at_level(logging.WARNING, "launchpad"):
        assert launcher.submit(shell("echo hello"), on_start=handles.append)
    assert ["Not allowed to get pods/log" in record.getMessage() for record in caplog.records] == [True]
