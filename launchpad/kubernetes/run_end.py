"""Whether the run of a Job has ended, and how, from the states that are known of it. Pure functions."""

from __future__ import annotations

from ..core.backend import Exit
from . import diagnosis
from .api import Object
from .interruption import without_repetition
from .observed import JobSnapshot
from .status import (
    containers,
    decision_of,
    end_of,
    ends_with_container,
    has_ended,
    is_over,
    is_single,
    state,
    terminated,
)


def job_is_over(snapshot: JobSnapshot) -> bool:
    """Whether the Job has ended, or is gone."""
    return snapshot.gone or end_of(snapshot.job) is not None


def is_settled(snapshot: JobSnapshot) -> bool:
    """Whether it is decided how the Job ends, and its pod has ended: the end is about to be reported."""
    return decision_of(snapshot.job) is not None and snapshot.newest is not None and is_over(snapshot.newest)


def pod_that_decides(snapshot: JobSnapshot) -> Object | None:
    """The pod whose own container has ended, if the run ends with it; None if it has not, or others cut it short."""
    pod = without_repetition(snapshot).newest
    if pod is None or pod.get("cut") or pod.get("suspended") or not is_single(snapshot.job):
        return None
    return pod if ends_with_container(snapshot.job) and has_ended(pod) and terminated(pod) is not None else None


def is_held_up(pod: Object, snapshot: JobSnapshot) -> bool:
    """Whether other containers go on in a pod that decides, which only the deletion of the Job would stop.

    Sidecars among the init containers do not count: the node stops them.
    """
    others = [one for one in containers(pod) if one.kind == "container" and not one.is_own]
    return not snapshot.deleted and any(state(one.status, "terminated") is None for one in others)


def interrupted(snapshot: JobSnapshot) -> Exit:
    """The Exit of a run whose pod others deleted or disrupted before its end."""
    return diagnosis.of_interruption(snapshot.job, snapshot.newest)


def exit_of_run(name: str, snapshot: JobSnapshot) -> Exit:
    """The Exit of the run of Job `name`, which is over."""
    snapshot = without_repetition(snapshot)
    if (pod := pod_that_decides(snapshot)) is not None:
        return diagnosis.of_own_end(snapshot.job, pod, snapshot.pods)
    if snapshot.deleted or (snapshot.gone and decision_of(snapshot.job) is None):
        return diagnosis.of_vanished(name, snapshot.job, snapshot.newest)
    if decision_of(snapshot.job) is not None:
        return diagnosis.of_end(snapshot.job, snapshot.pods)
    return interrupted(snapshot)
