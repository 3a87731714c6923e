"""Reads the states of a Job and its pods as the API server reports them. Pure; any field may be absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from .manifest import CONTAINER

Object = Mapping[str, Any]

PULL_FAILED = "ErrImagePull"


def slim(item: Object) -> dict[str, Any]:
    """The parts of a Job or a pod that are kept while its run is in flight; there may be hundreds."""
    metadata = item.get("metadata") or {}
    kept = ("name", "uid", "creationTimestamp", "deletionTimestamp")
    spec = item.get("spec") or {}
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "status": item.get("status") or {},
        "spec": {"restartPolicy": spec["restartPolicy"]} if "restartPolicy" in spec else {},
    }


def condition(item: Object | None, *types: str) -> Object | None:
    """The first true condition of one of these types, if any."""
    for one in ((item or {}).get("status") or {}).get("conditions") or ():
        if one.get("type") in types and one.get("status") == "True":
            return dict(one)
    return None


def end_of(job: Object | None) -> Object | None:
    """The condition with which a Job has ended; None while it has not."""
    return condition(job, "Complete", "Failed")


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def _statuses(pod: Object, key: str) -> list[Object]:
    return list((pod.get("status") or {}).get(key) or ())


def own_status(pod: Object) -> Object:
    """The status of the run's own container; empty if there is none yet."""
    return next((one for one in _statuses(pod, "containerStatuses") if one.get("name") == CONTAINER), {})


def _state(status: Object, kind: str) -> Object | None:
    found: Object | None = (status.get("state") or {}).get(kind)
    return found


def waiting(pod: Object) -> Object:
    """Why the run's own container, or an init container before it, waits: reason and message."""
    for status in (own_status(pod), *_statuses(pod, "initContainerStatuses")):
        state = _state(status, "waiting")
        if state and state.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
            return state
    return _state(own_status(pod), "waiting") or {}


def terminated(pod: Object) -> Object | None:
    """How the run's own container ended; None if it has not, or if that is unknown."""
    status = own_status(pod)
    return _state(status, "terminated") or (status.get("lastState") or {}).get("terminated")


def has_ended(pod: Object) -> bool:
    """Whether the run's own container has ended and will not be restarted."""
    if phase(pod) in ("Succeeded", "Failed"):
        return True
    end = _state(own_status(pod), "terminated")
    if end is None:
        return False
    restarted = (pod.get("spec") or {}).get("restartPolicy") == "OnFailure" and end.get("exitCode") != 0
    return not restarted


def restarts(pod: Object) -> int:
    """How often the run's own container was restarted in this pod."""
    return int(own_status(pod).get("restartCount") or 0)


def has_log(pod: Object) -> bool:
    return _state(own_status(pod), "running") is not None or terminated(pod) is not None


def is_under_way(pod: Object) -> bool:
    """Whether the run's own container, or an init container before it, runs or has run."""
    if phase(pod) in ("Succeeded", "Failed") or has_log(pod):
        return True
    return any(_state(one, "running") or _state(one, "terminated") for one in _statuses(pod, "initContainerStatuses"))


def by_age(pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Oldest first."""
    return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def exit_code(pod: Object | None) -> int | None:
    end = terminated(pod) if pod else None
    return None if end is None else end.get("exitCode")


def times(job: Object | None, pod: Object | None) -> tuple[datetime | None, datetime | None]:
    """When the run's own container started and ended, or else its Job."""
    end = (terminated(pod) if pod else None) or {}
    running = (_state(own_status(pod), "running") if pod else None) or {}
    status = (job or {}).get("status") or {}
    ended = end_of(job) or {}
    return (
        moment(end.get("startedAt") or running.get("startedAt") or status.get("startTime")),
        moment(end.get("finishedAt") or status.get("completionTime") or ended.get("lastTransitionTime")),
    )


def moment(text: object) -> datetime | None:
    """Parses a time of the API server; None if it is not one."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(text[:-1].partition(".")[0]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
