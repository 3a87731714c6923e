"""Runs that wait for room in the quota of their namespace, for as long as it takes."""

from __future__ import annotations

import types
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import Any

import attrs
import pytest

from launchpad import KubernetesLauncher, LaunchExecutor, Run, RunEvent, on_event
from launchpad.kubernetes.backend import KubernetesBackend
from tests.helping import TIMEOUT

from .cluster import LONG, Cluster, eventually, shell
from .replay.quota import QuotaWorld
from .replay.server import serving


@attrs.frozen(kw_only=True)
class ServedLauncher(KubernetesLauncher):
    """A launcher on the server at `url`."""

    url: str

    def connect(self) -> KubernetesBackend:
        configuration: Any = types.SimpleNamespace(host=self.url, proxy=None, auth_settings=dict)
        return KubernetesBackend(lambda: configuration, "quota", self.pod_watch_timeout)


def test_200_runs_that_a_quota_of_5_pods_holds_back_say_so_and_all_end_true() -> None:
    runs = [Run(command=["true"], name=f"run-{number}") for number in range(200)]
    pending: SimpleQueue[RunEvent] = SimpleQueue()
    world = QuotaWorld(5)
    with serving() as server, closing(world):
        server.worlds["quota"] = world
        launcher = ServedLauncher(url=server.url, image="x", stream_output=False, pod_watch_timeout=None)
        subscription = on_event(lambda event: pending.put(event) if event.kind == "pending" else None)
        with launcher, subscription, LaunchExecutor(launcher, 200) as executor:
            futures = executor.launch_all(runs)
            told = [pending.get(timeout=TIMEOUT) for _ in range(195)]
            while world.end_pod():
                pass
            assert all(future.result(TIMEOUT) for future in futures)
    assert {(event.reason, str(event.message).split(":")[0]) for event in told} == {("quota", "exceeded quota")}
    assert len({event.run.id for event in told}) == 195
    with pytest.raises(Empty):  # each has said it once
        pending.get_nowait()


@pytest.mark.kubernetes
def test_runs_that_exceed_the_quota_of_a_real_namespace_all_end_true(cluster: Cluster) -> None:
    cluster.create("", "resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}})
    try:
        eventually(lambda: cluster.list("", "resourcequotas")[0].get("status"), lambda status: status.get("hard"))
        pending: list[str | None] = []
        subscription = on_event(lambda event: pending.append(event.reason) if event.kind == "pending" else None)
        with (
            cluster.launcher(pod_watch_timeout=None) as launcher,
            subscription,
            LaunchExecutor(launcher, 4) as executor,
        ):
            futures = executor.launch_all(shell("sleep 1", name=f"shard {number}") for number in range(4))
            assert [future.result(LONG) for future in futures] == [True] * 4
        assert "quota" in pending
    finally:
        cluster.delete("", "resourcequotas", "q")
