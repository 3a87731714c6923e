"""What is known of one Job: the facts that the watchers have reported, and those that were requested directly."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import LaunchError
from ..net.wakeup import Wakeup
from .api import Object
from .events import Fact
from .status import (
    PULL_FAILED,
    by_age,
    decision_of,
    end_of,
    has_ended,
    is_being_ended,
    is_over,
    is_suspended,
    owner,
    slim,
    waits,
    was_cut_short,
    was_deleted_first,
)

_SUSPENDED = {"suspended": True, "cut": False}
_THROTTLED = "pull QPS exceeded"  # the node's own limit, not an answer of the registry


class JobSnapshot(NamedTuple):
    """The latest known states. `pods` has the oldest first, and includes those that are gone.

    A pod has more keys: `gone`; `suspended`, whether its Job was suspended before its end; and `cut`, whether others
    deleted or disrupted it before its end.
    """

    job: Object | None
    gone: bool
    pods: list[Object]
    pull_failures: int
    """The most failed pulls of one container of the newest pod."""

    deleted: bool = False
    """Whether the Job was deleted before it was decided how it ends."""

    events: Mapping[str, Object] = {}
    """The latest event about the Job and each of its pods, by their uids, if events are watched."""

    @property
    def present(self) -> list[Object]:
        """The pods that are not gone."""
        return [pod for pod in self.pods if not pod.get("gone")]

    @property
    def newest(self) -> Object | None:
        return self.pods[-1] if self.pods else None


class ObservedJob:
    """Collects the facts about one Job, in the watchers' threads, for the thread that follows the run."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._lock = threading.Lock()  # guards all below
        self._uid: str | None = None
        self._job: Object | None = None
        self._gone = False
        self._deleted = False
        self._pods: dict[str, Object] = {}
        self._owners: dict[str, str | None] = {}  # the uids of the Jobs of these pods
        self._pull_failures: Counter[tuple[str, str]] = Counter()  # by pod and container
        self._events: dict[str, Object] = {}
        self._snapshot: JobSnapshot | None = None  # None: something has changed since the last one
        self._failure: LaunchError | None = None
        self._watched = False
        self._listing_ended = False
        self._listed_at: dict[str, float] = {}  # when the last listing began whose states are known, by kind

    def expect(self, uid: str) -> None:
        """Ignores facts about a Job with another uid from now on, and forgets those there are."""
        with self._lock:
            self._uid = uid
            if self._job is not None and self._job["metadata"].get("uid") != uid:
                self._job, self._gone, self._deleted, self._watched = None, False, False, False
            for name in [name for name, owner in self._owners.items() if owner not in (None, uid)]:
                del self._pods[name], self._owners[name]
            self._snapshot = None

    def snapshot(self) -> JobSnapshot:
        """The states that are known now; the same object as before if nothing was reported meanwhile."""
        with self._lock:
            if self._snapshot is None:
                pods = by_age(self._pods.values())
                failures = [
                    n for (pod, _), n in self._pull_failures.items() if pods and pod == pods[-1]["metadata"]["name"]
                ]
                self._snapshot = JobSnapshot(
                    self._job, self._gone, pods, max(failures, default=0), self._deleted, dict(self._events)
                )
            return self._snapshot

    def take_failure(self) -> LaunchError | None:
        """The error with which a watcher has given up since the last call, if any."""
        with self._lock:
            failure, self._failure = self._failure, None
            return failure

    def take_unlisted(self) -> bool:
        """Whether, since the last call, a listing of all Jobs has ended without this one."""
        with self._lock:
            unlisted, self._listing_ended = self._listing_ended and not self._watched, False
            return unlisted

    def is_listed(self, kind: str, since: float) -> bool:
        """Whether a listing of all Jobs, or of all pods, has been reported that began at `since` or later."""
        with self._lock:
            return self._listed_at.get(kind, float("-inf")) >= since

    @property
    def watched(self) -> bool:
        """Whether a watcher has reported the Job, and so will report its end and its deletion."""
        with self._lock:
            return self._watched

    def notify(self, fact: Fact) -> None:
        """Takes a fact that a watcher reports."""
        with self._lock:
            if fact.kind == "listing":
                self._listed_at[fact.name] = (fact.object or {})["begun"]
                self._listing_ended = self._listing_ended or fact.name == "job"
            else:
                self._watched = self._watched or (fact.kind == "job" and not self._is_another(fact.object))
                self._update(fact)
        self._wakeup.set()

    def record(self, fact: Fact) -> None:
        """Takes a fact that was requested directly."""
        with self._lock:
            self._update(fact)
        self._wakeup.set()

    def wake(self) -> None:
        """Has the thread that follows the run look at the snapshot again."""
        self._wakeup.set()

    def fail(self, error: LaunchError) -> None:
        with self._lock:
            self._failure = error
        self._wakeup.set()

    def _update(self, fact: Fact) -> None:
        self._snapshot = None
        if fact.kind == "pod":
            self._update_pod(fact)
        elif fact.kind == "event":
            self._events[fact.name] = fact.object or {}
        elif not self._is_another(fact.object):
            self._update_job(fact)

    def _is_another(self, job: Object | None) -> bool:
        return job is not None and self._uid is not None and job["metadata"].get("uid") != self._uid

    # An end is final: a state that was requested directly can be older than one that was watched meanwhile.

    def _update_job(self, fact: Fact) -> None:
        if decision_of(self._job) is None:  # else the deletion comes after the decision
            self._deleted = self._deleted or _is_undecided_deletion(fact)
        self._gone = self._gone or fact.gone
        if fact.object is not None and (end_of(self._job) is None or end_of(fact.object) is not None):
            self._job = slim(fact.object)
            if is_suspended(self._job):  # its controller deletes these pods
                self._pods = {name: pod if is_over(pod) else {**pod, **_SUSPENDED} for name, pod in self._pods.items()}

    def _update_pod(self, fact: Fact) -> None:
        before = self._pods.get(fact.name)
        if fact.object is None:
            if before is not None:
                self._pods[fact.name] = self._judged({**before, "gone": True}, before)
            return
        if (job := owner(fact.object)) is not None and self._uid not in (None, job):
            return  # of an older Job of the same name
        gone = fact.gone or (before is not None and bool(before["gone"]))
        pod = {**slim(fact.object), "gone": gone}
        if before is not None and has_ended(before) and not has_ended(pod):
            pod = {**before, "gone": gone}
        self._pods[fact.name], self._owners[fact.name] = self._judged(pod, before), job
        self._count_pull_failures(fact.name, pod, before)

    def _judged(self, pod: Object, before: Object | None) -> Object:
        """The pod with its keys `cut` and `suspended`."""
        if before is not None and (before["suspended"] or has_ended(before) or is_being_ended(before)):
            return {**pod, "cut": before["cut"], "suspended": before["suspended"]}
        if is_suspended(self._job):
            return {**pod, **_SUSPENDED}
        return {**pod, "cut": was_cut_short(pod, self._job), "suspended": False}

    def _count_pull_failures(self, name: str, pod: Object, before: Object | None) -> None:
        failed_before = _failed_pulls(before) if before is not None else {}
        for container, message in _failed_pulls(pod).items():
            if container not in failed_before and _THROTTLED not in message:
                self._pull_failures[name, container] += 1


def _is_undecided_deletion(fact: Fact) -> bool:
    if fact.object is None or (fact.gone and decision_of(fact.object) is None):
        return fact.gone
    return was_deleted_first(fact.object)


def _failed_pulls(pod: Object) -> dict[str, str]:
    """The messages of the containers whose last pull has failed, by name."""
    return {one.name: str(state.get("message")) for one, state in waits(pod) if state.get("reason") == PULL_FAILED}
