"""Handles of Jobs that were changed or made up: nothing of others is waited for, stopped or removed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import attrs
import pytest

from launchpad import Handle, KubernetesLauncher, RunNotAvailable, RunNotFound
from launchpad.kubernetes.labels import RUN_ID

from .cluster import Cluster, shell

pytestmark = pytest.mark.kubernetes

Ask = Callable[[KubernetesLauncher, Handle], object]

ASKS: dict[str, Ask] = {
    "wait": lambda launcher, handle: launcher.wait(handle, 0),
    "stop": lambda launcher, handle: launcher.stop(handle),
    "remove": lambda launcher, handle: launcher.remove(handle),
}


@pytest.fixture
def launcher(cluster: Cluster) -> Iterator[KubernetesLauncher]:
    with cluster.launcher(grace=0, stream_output=False) as launcher:
        yield launcher


@pytest.fixture
def handle(cluster: Cluster) -> Iterator[Handle]:
    """The handle of a run that another launcher has started, and that goes on."""
    with cluster.launcher(grace=0, stream_output=False) as other:
        handle = other.start(shell("sleep 60"))
        yield handle
        other.stop(handle)


def test_an_id_or_a_name_of_another_form_is_an_error_of_one_line(launcher: KubernetesLauncher, handle: Handle) -> None:
    ids = ["", "..", "a/b", handle.id[:-1], f"{handle.id}\n", f"{handle.id}?x", handle.id[:-1] + "٣", "a" * 100_000]
    names = ["", "..", "../pods/x", "a/b", "a?b", "%2e%2e", "A", "a b", "a,b", "-a", "a-", "a" * 64, f"{handle.name}\n"]
    changed = [attrs.evolve(handle, id=id_) for id_ in ids] + [attrs.evolve(handle, name=name) for name in names]
    for one in changed:
        for ask in ASKS.values():
            with pytest.raises(RunNotFound, match="is not that of a Job") as caught:
                ask(launcher, one)
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 500


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_job_of_another_run_or_namespace_is_left_alone(
    launcher: KubernetesLauncher, handle: Handle, ask: Ask
) -> None:
    for run_id in ("", "x", f"{handle.run_id}x"):
        with pytest.raises(RunNotFound, match="is not that of run"):
            ask(launcher, attrs.evolve(handle, run_id=run_id))
    with pytest.raises(RunNotAvailable):
        ask(launcher, attrs.evolve(handle, engine=handle.engine.rpartition("/")[0] + "/kube-system"))
    with pytest.raises(TimeoutError):
        launcher.wait(handle, 0)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_job_of_others_is_left_alone(
    cluster: Cluster, launcher: KubernetesLauncher, handle: Handle, ask: Ask
) -> None:
    manifest = launcher.spec(shell("true"), f"foreign-{uuid.uuid4().hex[:8]}")
    del manifest["metadata"]["labels"][RUN_ID]
    metadata = cluster.create("batch/v1", "jobs", manifest)["metadata"]
    with pytest.raises(RunNotFound, match="is not that of run"):
        ask(launcher, attrs.evolve(handle, id=metadata["uid"], name=metadata["name"]))
    found = {job["metadata"]["name"]: job["metadata"] for job in cluster.jobs()}
    assert "deletionTimestamp" not in found[metadata["name"]]
