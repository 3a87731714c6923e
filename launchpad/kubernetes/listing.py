"""A Job and its pods, as the API server lists them, as a listed run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..models import Handle, Listed
from ..net.wakeup import Wakeup
from .diagnosis import of_end
from .events import Fact
from .interruption import without_repetition
from .labels import RUN_ID, RUN_NAME, STARTER, attempt_of
from .observed import JobSnapshot, ObservedJob
from .queues import deadline
from .status import end_of, owner, times

Object = dict[str, Any]


def listed(job: Object, pods: Sequence[Object], engine: str, wakeup: Wakeup) -> Listed | None:
    """The run of a Job; None if it is not a run's, or has ended and is being deleted. `pods` may be any pods."""
    metadata = job["metadata"]
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    run_id = notes.get(RUN_ID) or labels.get(RUN_ID)
    ended = end_of(job) is not None
    if not run_id or (ended and "deletionTimestamp" in metadata):
        return None
    handle = Handle("kubernetes", metadata["uid"], metadata["name"], engine, run_id)
    snapshot = without_repetition(snapshot_of(job, pods, wakeup))
    outcome = of_end(snapshot.job, snapshot.pods).outcome(handle, attempt_of(job)) if ended else None
    started_at = times(snapshot.job, snapshot.newest)[0] if outcome is None else outcome.started_at
    return Listed(
        handle=handle,
        run_id=run_id,
        name=notes.get(RUN_NAME) or labels.get(RUN_NAME) or handle.name,
        state="ended" if ended else "running",
        started_at=started_at,
        ended_at=None if outcome is None else outcome.ended_at,
        starter=notes.get(STARTER),
        deadline=deadline(job),
        outcome=outcome,
    )


def snapshot_of(job: Object, pods: Sequence[Object], wakeup: Wakeup) -> JobSnapshot:
    """The states of a Job and its own pods, as one request has shown them."""
    observed_job = ObservedJob(wakeup)
    observed_job.expect(job["metadata"]["uid"])
    for fact in facts_of(job, pods):
        observed_job.record(fact)
    return observed_job.snapshot()


def facts_of(job: Object, pods: Sequence[Object]) -> list[Fact]:
    """The facts about a Job and those of `pods` that are its own."""
    metadata = job["metadata"]
    own = [pod for pod in pods if _is_of(pod, metadata)]
    return [
        Fact("job", metadata["name"], False, job),
        *(Fact("pod", pod["metadata"]["name"], False, pod) for pod in own),
    ]


def _is_of(pod: Object, metadata: Mapping[str, Any]) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return owner(pod) in (None, metadata["uid"]) and labels.get("job-name") == metadata["name"]
