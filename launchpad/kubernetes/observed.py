"""What the watchers have told of one Job so far."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..errors import LaunchError
from ..net.wakeup import Wakeup
from .events import Fact
from .status import PULL_FAILED, by_age, end_of, has_ended, slim, waiting

Object = dict[str, Any]

_THROTTLED = "pull QPS exceeded"  # the node's own limit: no word from the registry


class JobSnapshot(NamedTuple):
    """The latest states, at one moment. `pods` are the oldest first, those that are gone included."""

    job: Object | None
    gone: bool
    pods: list[Object]
    pull_failures: int

    @property
    def there(self) -> list[Object]:
        """The pods that are not gone."""
        return [pod for pod in self.pods if not pod.get("gone")]

    @property
    def newest(self) -> Object | None:
        return self.pods[-1] if self.pods else None


class ObservedJob:
    """Takes facts in the watchers' threads, and is looked at by the thread that follows the run."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._lock = threading.Lock()  # guards all below
        self._uid: str | None = None
        self._job: Object | None = None
        self._gone = False
        self._pods: dict[str, Object] = {}
        self._pull_failures = 0
        self._lost: LaunchError | None = None
        self._told = False  # a watcher knows of the Job
        self._unlisted = False

    def expect(self, uid: str) -> None:
        """From now on, only the Job with this uid counts."""
        with self._lock:
            self._uid = uid
            if self._job is not None and self._job["metadata"].get("uid") != uid:
                self._job, self._gone, self._told = None, False, False

    def look(self) -> JobSnapshot:
        with self._lock:
            pods = by_age(self._pods.values())
            return JobSnapshot(self._job, self._gone, pods, self._pull_failures)

    def take_loss(self) -> LaunchError | None:
        """The error with which a watcher gave up since the last call, if one did."""
        with self._lock:
            lost, self._lost = self._lost, None
            return lost

    def take_unlisted(self) -> bool:
        """Whether, since the last call, all Jobs were listed and this was not known to be among them."""
        with self._lock:
            unlisted, self._unlisted = self._unlisted and not self._told, False
            return unlisted

    @property
    def told(self) -> bool:
        """Whether the watchers know of the Job: they tell of its end, then, and of its going."""
        with self._lock:
            return self._told

    def notify(self, fact: Fact) -> None:
        """Takes what is watched."""
        with self._lock:
            if fact.kind == "listing":
                self._unlisted = True
            else:
                self._told = self._told or (fact.kind == "job" and not self._is_another(fact.object))
                self._take(fact)
        self._wakeup.set()

    def learn(self, fact: Fact) -> None:
        """Takes what was asked for."""
        with self._lock:
            self._take(fact)
        self._wakeup.set()

    def fail(self, error: LaunchError) -> None:
        with self._lock:
            self._lost = error
        self._wakeup.set()

    def _take(self, fact: Fact) -> None:
        if fact.kind == "pod":
            self._take_pod(fact)
        elif not self._is_another(fact.object):
            self._take_job(fact)

    def _is_another(self, job: Object | None) -> bool:
        return None not in (job, self._uid) and job["metadata"].get("uid") != self._uid  # type: ignore[index]

    # What has ended stays so: an answer that was asked for directly can be older than what was watched meanwhile.

    def _take_job(self, fact: Fact) -> None:
        self._gone = self._gone or fact.gone
        if fact.object is not None and (end_of(self._job) is None or end_of(fact.object) is not None):
            self._job = slim(fact.object)

    def _take_pod(self, fact: Fact) -> None:
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
