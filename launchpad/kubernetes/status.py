"""Reads the states of a Job and its pods as the API server reports them. Pure; any field may be absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, NamedTuple

from .labels import BACKSTOP, ENDS_WITH, QUEUE
from .manifest import CONTAINER

Object = Mapping[str, Any]

PULL_FAILED = "ErrImagePull"

_NORMAL_WAITS = (None, "PodInitializing", "ContainerCreating")
_UNKNOWN_END = "ContainerStatusUnknown"
"""The reason of a container that the node could not find, mostly because it never ran. The exit code 137 is made up."""

_DEFAULT_GRACE = 30

_KEPT_METADATA = (
    "name",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_KEPT_SPEC = (
    "restartPolicy",
    "backoffLimit",
    "completions",
    "parallelism",
    "suspend",
    "managedBy",
    "ttlSecondsAfterFinished",
    "activeDeadlineSeconds",
    "terminationGracePeriodSeconds",
)
_KEPT_NOTES = (BACKSTOP, ENDS_WITH)


class Container(NamedTuple):
    """A container of a pod, with its status."""

    kind: Literal["container", "init container", "sidecar"]
    name: str
    status: Object

    @property
    def is_own(self) -> bool:
        """Whether it is the run's own container."""
        return self.kind == "container" and self.name == CONTAINER


def slim(item: Object) -> dict[str, Any]:
    """The parts of a Job or a pod that are kept while its run is in flight; there may be hundreds."""
    metadata = item.get("metadata") or {}
    spec = item.get("spec") or {}
    inits = spec.get("initContainers") or ()
    notes = {key: value for key, value in (metadata.get("annotations") or {}).items() if key in _KEPT_NOTES}
    queue = {key: value for key, value in (metadata.get("labels") or {}).items() if key == QUEUE}
    return {
        "metadata": {
            **{key: metadata[key] for key in _KEPT_METADATA if key in metadata},
            **({"annotations": notes} if notes else {}),
            **({"labels": queue} if queue else {}),
        },
        "status": item.get("status") or {},
        "spec": {key: spec[key] for key in _KEPT_SPEC if key in spec},
        "sidecars": [one.get("name") for one in inits if one.get("restartPolicy") == "Always"],
    }


def has_timed_out(job: Object | None) -> bool:
    """Whether a Job has ended because its run has overrun the time-out that launchpad gave it."""
    notes = ((job or {}).get("metadata") or {}).get("annotations") or {}
    deadline = ((job or {}).get("spec") or {}).get("activeDeadlineSeconds")
    exceeded = (decision_of(job) or {}).get("reason") == "DeadlineExceeded"
    return exceeded and deadline is not None and notes.get(BACKSTOP) == str(deadline)


def owner(pod: Object) -> str | None:
    """The uid of the Job that created a pod. The label also remains on a pod that was orphaned."""
    return ((pod.get("metadata") or {}).get("labels") or {}).get("controller-uid")


def condition(item: Object | None, *types: str) -> Object | None:
    """The first true condition of one of these types, if any."""
    for one in ((item or {}).get("status") or {}).get("conditions") or ():
        if one.get("type") in types and one.get("status") == "True":
            return dict(one)
    return None


def unmet(item: Object | None, type: str) -> Object | None:
    """The condition of this type if it is false; None if it is true, or absent."""
    conditions = ((item or {}).get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == type and one.get("status") == "False"), None)


def end_of(job: Object | None) -> Object | None:
    """The condition with which a Job has ended; None while it has not."""
    return condition(job, "Complete", "Failed")


def decision_of(job: Object | None) -> Object | None:
    """The condition that decides how a Job ends. Newer servers set it before the end, while a pod is still ending."""
    return condition(job, "SuccessCriteriaMet", "FailureTarget") or end_of(job)


def is_single(job: Object | None) -> bool:
    """Whether a Job has one pod at a time, and ends with its success."""
    spec = (job or {}).get("spec") or {}
    return (spec.get("completions") or 1) == 1 and (spec.get("parallelism") or 1) == 1


def runs_once(job: Object | None) -> bool:
    """Whether a second pod of this Job would execute the run again, which was not asked for."""
    return is_single(job) and ((job or {}).get("spec") or {}).get("backoffLimit") == 0


def ends_with_container(job: Object | None) -> bool:
    """Whether a run ends when its own container has ended, whatever else goes on in the pod."""
    notes = ((job or {}).get("metadata") or {}).get("annotations") or {}
    return bool(notes.get(ENDS_WITH) == "container")


def is_suspended(job: Object | None) -> bool:
    """Whether a Job is suspended, so that its controller deletes its pods and creates none."""
    return bool(((job or {}).get("spec") or {}).get("suspend"))


def queue_of(job: Object | None) -> str | None:
    """The queue of a queueing controller in which a Job waits, or has waited."""
    name: str | None = (((job or {}).get("metadata") or {}).get("labels") or {}).get(QUEUE)
    return name


def is_queued(job: Object | None) -> bool:
    """Whether a Job waits in a queue."""
    return is_suspended(job) and queue_of(job) is not None


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def containers(pod: Object) -> list[Container]:
    """The containers of a pod that have a status, in the order in which they start."""
    status = pod.get("status") or {}
    sidecars = pod.get("sidecars") or ()
    inits = status.get("initContainerStatuses") or ()
    others = status.get("containerStatuses") or ()
    return [
        *(Container("sidecar" if one.get("name") in sidecars else "init container", one["name"], one) for one in inits),
        *(Container("container", one["name"], one) for one in others),
    ]


def own_status(pod: Object) -> Object:
    """The status of the run's own container; empty if there is none yet."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((one for one in statuses if one.get("name") == CONTAINER), {})


def state(status: Object, kind: str) -> Object | None:
    """The state of a container, if it is of this kind: waiting, running or terminated."""
    found: Object | None = (status.get("state") or {}).get(kind)
    return found


def last_end(status: Object) -> Object | None:
    """How a container ended, or, if it is restarted, how it ended before; None if it has not, or if that is unknown."""
    end = state(status, "terminated") or (status.get("lastState") or {}).get("terminated")
    return None if end is None or end.get("reason") == _UNKNOWN_END else end


def has_run(container: Container) -> bool:
    return state(container.status, "running") is not None or last_end(container.status) is not None


def waits(pod: Object) -> list[tuple[Container, Object]]:
    """The containers that wait for a reason of their own, with that state: the run's own container first."""
    found = [(one, state(one.status, "waiting") or {}) for one in containers(pod)]
    unusual = [(one, waiting) for one, waiting in found if waiting.get("reason") not in _NORMAL_WAITS]
    return sorted(unusual, key=lambda pair: not pair[0].is_own)


def terminated(pod: Object) -> Object | None:
    """How the run's own container ended; None if it has not, or if that is unknown."""
    return last_end(own_status(pod))


def has_ended(pod: Object) -> bool:
    """Whether the run's own container has ended and will not be restarted."""
    if phase(pod) in ("Succeeded", "Failed"):
        return True
    end = state(own_status(pod), "terminated")
    if end is None:
        return False
    restarted = (pod.get("spec") or {}).get("restartPolicy") == "OnFailure" and end.get("exitCode") != 0
    return not restarted


def is_over(pod: Object) -> bool:
    """Whether nothing of this pod runs or will run: it has ended, or is gone."""
    return bool(pod.get("gone")) or phase(pod) in ("Succeeded", "Failed")


def restarts(pod: Object) -> int:
    """How often the run's own container was restarted in this pod."""
    return int(own_status(pod).get("restartCount") or 0)


def is_restarted(pod: Object) -> bool:
    """Whether a container of this pod was restarted, as the Job's backoffLimit counts."""
    return any(one.status.get("restartCount") for one in containers(pod) if one.kind != "sidecar")


def has_log(pod: Object) -> bool:
    return state(own_status(pod), "running") is not None or terminated(pod) is not None


def is_idle(pod: Object) -> bool:
    """Whether no container of this pod runs."""
    return all(state(one.status, "running") is None for one in containers(pod))


def is_being_ended(pod: Object) -> bool:
    """Whether a pod is being deleted or disrupted, or has been removed."""
    deleted = pod.get("gone") or "deletionTimestamp" in (pod.get("metadata") or {})
    return bool(deleted) or condition(pod, "DisruptionTarget") is not None


def was_cut_short(pod: Object, job: Object | None) -> bool:
    """Whether a pod was deleted or disrupted before its own container ended, and before it was decided how `job` ends.

    If the container has ended meanwhile, the times in this one state of the pod decide.
    """
    if not is_being_ended(pod):
        return False
    disrupted = (condition(pod, "DisruptionTarget") or {}).get("lastTransitionTime")
    asked = min(filter(None, (_deletion_time(pod), moment(disrupted))), default=None)
    if (decision := decision_of(job)) is not None:
        decided = moment(decision.get("lastTransitionTime"))
        if asked is None or decided is None or asked >= decided:
            return False
    if not has_ended(pod):
        return True
    finished = moment((terminated(pod) or {}).get("finishedAt"))
    return finished is not None and asked is not None and finished >= asked


def grace_of(pod: Object) -> float:
    """Seconds that a pod that is being deleted may take to end."""
    return float((pod.get("metadata") or {}).get("deletionGracePeriodSeconds") or 0)


def own_grace(pod: Object) -> float:
    """Seconds that a pod may take to end once it is deleted."""
    grace = (pod.get("spec") or {}).get("terminationGracePeriodSeconds")
    return float(_DEFAULT_GRACE if grace is None else grace)


def _deletion_time(item: Object) -> datetime | None:
    """When the deletion of an object was requested. Its deletionTimestamp is the end of its grace."""
    metadata = item.get("metadata") or {}
    at = moment(metadata.get("deletionTimestamp"))
    return at and at - timedelta(seconds=grace_of(item))


def was_deleted_first(job: Object) -> bool:
    """Whether a Job was deleted before it was decided how it ends, as far as one state of it shows."""
    decided = moment((decision_of(job) or {}).get("lastTransitionTime"))
    deleted = _deletion_time(job)
    if decision_of(job) is None:
        return deleted is not None
    return deleted is not None and decided is not None and deleted < decided


def by_age(pods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Oldest first."""
    return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def exit_code(pod: Object | None) -> int | None:
    end = terminated(pod) if pod else None
    return None if end is None else end.get("exitCode")


def times(job: Object | None, pod: Object | None) -> tuple[datetime | None, datetime | None]:
    """When the run's own container started and ended, or else its Job."""
    end = (terminated(pod) if pod else None) or {}
    running = (state(own_status(pod), "running") if pod else None) or {}
    status = (job or {}).get("status") or {}
    ended = end_of(job) or {}
    return (
        _first_moment(end.get("startedAt"), running.get("startedAt"), status.get("startTime")),
        _first_moment(end.get("finishedAt"), status.get("completionTime"), ended.get("lastTransitionTime")),
    )


def _first_moment(*texts: object) -> datetime | None:
    return next(filter(None, map(moment, texts)), None)


def moment(text: object) -> datetime | None:
    """Parses a time of the API server; None if it is not one. Times before 1971 stand for "not known"."""
    if not isinstance(text, str) or not text.endswith("Z"):
        return None
    try:
        found = datetime.fromisoformat(text[:-1].partition(".")[0]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return found if found.year > 1970 else None
