"""What others can do to the Job or to the pod of a run, without launchpad."""

from __future__ import annotations

from collections.abc import Callable

from launchpad import Handle

from .cluster import Cluster

Disturb = Callable[[Cluster, Handle], None]


def delete_pod(cluster: Cluster, handle: Handle) -> None:
    cluster.delete("", "pods", cluster.pods_of(handle.name)[0]["metadata"]["name"], gracePeriodSeconds=2)


def force_pod_away(cluster: Cluster, handle: Handle) -> None:
    cluster.delete("", "pods", cluster.pods_of(handle.name)[0]["metadata"]["name"], gracePeriodSeconds=0)


def evict_pod(cluster: Cluster, handle: Handle) -> None:
    name = cluster.pods_of(handle.name)[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
    cluster.create("", f"pods/{name}/eviction", eviction)


def delete_job(propagation: str) -> Disturb:
    def delete(cluster: Cluster, handle: Handle) -> None:
        cluster.delete("batch/v1", "jobs", handle.name, propagationPolicy=propagation)

    return delete


DISTURBANCES = {
    "pod deleted": delete_pod,
    "pod forced away": force_pod_away,
    "pod evicted": evict_pod,
    **{f"job deleted, {policy}": delete_job(policy) for policy in ("Background", "Foreground", "Orphan")},
}
