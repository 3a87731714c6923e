"""What is known of one Job: the facts that the watchers have reported, and those that were requested directly."""

from __future__ import annotations

import threading
from typing import NamedTuple

from ..errors import LaunchError
from ..net.wakeup import Wakeup
from .api import Object
from .events import Fact
from .status import PULL_FAILED, by_age, end_of, has_ended, slim, waiting

_THROTTLED = "pull QPS exceeded"  # the node's own limit, not an answer of the registry


class JobSnapshot(NamedTuple):
    """The latest known states. `pods` has the oldest first, and includes those that are gone."""

    job: Object | None
    gone: bool
    pods: list[Object]
    pull_failures: int

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
        self._pods: dict[str, Object] = {}
        self._pull_failures = 0
        self._failure: LaunchError | None = None
        self._watched = False
        self._listing_ended = False

    def expect(self, uid: str) -> None:
        """Ignores facts about a Job with another uid from now on, and forgets those there are."""
        with self._lock:
            self._uid = uid
            if self._job is not None and self._job["metadata"].get("uid") != uid:
                self._job, self._gone, self._watched = None, False, False

    def snapshot(self) -> JobSnapshot:
        with self._lock:
            pods = by_age(self._pods.values())
            return JobSnapshot(self._job, self._gone, pods, self._pull_failures)

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

    @property
    def watched(self) -> bool:
        """Whether a watcher has reported the Job, and so will report its end and its deletion."""
        with self._lock:
            return self._watched

    def notify(self, fact: Fact) -> None:
        """Takes a fact that a watcher reports."""
        with self._lock:
            if fact.kind == "listing":
                self._listing_ended = True
            else:
                self._watched = self._watched or (fact.kind == "job" and not self._is_another(fact.object))
                self._update(fact)
        self._wakeup.set()

    def record(self, fact: Fact) -> None:
        """Takes a fact that was requested directly."""
        with self._lock:
            self._update(fact)
        self._wakeup.set()

    def fail(self, error: LaunchError) -> None:
        with self._lock:
            self._failure = error
        self._wakeup.set()

    def _update(self, fact: Fact) -> None:
        if fact.kind == "pod":
            self._update_pod(fact)
        elif not self._is_another(fact.object):
            self._update_job(fact)

    def _is_another(self, job: Object | None) -> bool:
        return job is not None and self._uid is not None and job["metadata"].get("uid") != self._uid

    # An end is final: a state that was requested directly can be older than one that was watched meanwhile.

    def _update_job(self, fact: Fact) -> None:
        self._gone = self._gone or fact.gone
        if fact.object is not None and (end_of(self._job) is None or end_of(fact.object) is not None):
            self._job = slim(fact.object)

    def _update_pod(self, fact: Fact) -> None:
        before = self._pods.get(fact.name)
        if fact.object is None:
            if before is not None:
                before["gone"] = True
            return
        pod = slim(fact.object)
        pod["gone"] = fact.gone or (before is not None and before["gone"])
        if before is not None and has_ended(before) and not has_ended(pod):
            before["gone"] = pod["gone"]
            return
        self._pods[fact.name] = pod
        state = waiting(pod)
        if state.get("reason") == PULL_FAILED and _THROTTLED not in str(state.get("message")):
            self._pull_failures += before is None or waiting(before).get("reason") != PULL_FAILED
