"""One namespace of the replaying API server: a recording, the objects that exist, and what is done about deletions."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from launchpad.kubernetes.labels import QUEUE

from .recording import Change, Object, changes

_KINDS = {"jobs": "Job", "pods": "Pod", "events": "Event"}
_REMOVAL_DELAY = 1.0
"""Seconds after which a pod that has ended, or in which nothing runs, is gone."""


class World:
    """The objects of one situation. Handlers of the server and the clock use it from several threads.

    `cut`: the number of the change at which all watches break; they cannot continue from before it. `until`: the second
    at which the recording is cut off. `ends_at`: the second at which the replay ends, if the run has not ended.

    `ours`: the recording's actions are requests that launchpad sends; the rest follows each of them. Else they are
    those of others, and a deletion by launchpad replaces the rest of the recording.
    """

    def __init__(
        self, name: str, *, ours: bool = False, cut: int = 0, until: float = math.inf, ends_at: float = math.inf
    ) -> None:
        lock = threading.RLock()
        self.changed = threading.Condition(lock)
        self.rests = threading.Condition(lock)
        """Notified when a stream has nothing left to be sent, or its reader waits for more."""
        self.namespace = ""
        self.now = 0.0
        self.requests: list[str] = []
        self.published: list[Change] = []
        self.oldest = 0
        """The first version from which a watch can continue."""
        self.cut = cut
        self.ends_at = ends_at
        self.lookups = 0
        """How many states and lists were requested."""
        self.closed = False
        self.idle: dict[int, str] = {}
        """The kinds of the watches and logs in which nothing is left to be sent, by the client's port."""
        self.ours = ours
        self._planned = [change for change in changes(name) if change.at <= until]
        self._dying: Object | None = None  # the Job, if launchpad has deleted it
        self._objects: dict[tuple[str, str], Object] = {}

    @property
    def name(self) -> str:
        return next(str(change.item["metadata"]["name"]) for change in self._planned if change.kind == "Job")

    @property
    def next_at(self) -> float | None:
        """When the next change comes; None if none is planned."""
        return self._planned[0].at if self._planned else None

    @property
    def awaited(self) -> str:
        """The request of launchpad for which the recording waits, if any."""
        return self._planned[0].type if self.ours and self._planned and self._planned[0].kind == "Action" else ""

    def create(self, job: Object) -> Object:
        with self.changed:
            self._planned = [_as_posted(change, job["metadata"]) for change in self._planned]
            while self._publish_next().kind != "Job":
                pass
            return self.published[-1].item

    def close(self) -> None:
        """Ends all watches and logs."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def advance(self) -> None:
        """Publishes the next change, with a cut if one is planned there."""
        with self.changed:
            self._publish_next()

    def read(self, kind: str, name: str) -> Object | None:
        return self._objects.get((_KINDS[kind], name))

    def list(self, kind: str) -> list[Object]:
        return [item for (kept, _), item in self._objects.items() if kept == _KINDS[kind]]

    def events(self, uid: str) -> Iterable[Object]:
        found = (change.item for change in self.published if change.kind == "Event")
        return [event for event in found if (event.get("involvedObject") or {}).get("uid") == uid]

    def delete_job(self, name: str) -> Object | None:
        with self.changed:
            job = self._objects.get(("Job", name))
            if job is None or self._is_followed("delete Job") or self._dying is not None:
                return job
            self._dying = _deleted(job, None)
            self._planned = [change for change in self._planned if change.kind == "Event"]
            self._plan(self.now, "Job", "MODIFIED", self._dying)
            for pod in self.list("pods"):
                self._plan_end(pod, None)
            self._plan_last()
            return job

    def delete_pod(self, name: str, grace: int | None) -> Object | None:
        with self.changed:
            pod = self._objects.get(("Pod", name))
            if pod is None or self._is_followed("delete Pod"):
                return pod
            if grace == 0:
                self._forget(name)
                self._plan(self.now, "Pod", "DELETED", pod)
                self._plan_last()
            elif "deletionTimestamp" not in pod["metadata"]:
                self._forget(name)
                self._plan_end(pod, grace)
            return pod

    def _is_followed(self, action: str) -> bool:
        """Whether the recording goes on with this request of launchpad. Its times then count from now on."""
        if not self.awaited.startswith(action):
            return False
        delay = self.now - self._planned[0].at
        self._planned = [change._replace(at=change.at + delay) for change in self._planned[1:]]
        return True

    def _forget(self, pod: str) -> None:
        self._planned = [change for change in self._planned if change.item["metadata"]["name"] != pod]

    def _plan(self, at: float, kind: str, type: str, item: Object) -> None:
        self._planned.append(Change(at, kind, type, item))
        self._planned.sort(key=lambda change: change.at)

    def _plan_end(self, pod: Object, grace: int | None) -> None:
        """Plans the end of a pod that is deleted: its node ends what runs in it after the grace."""
        allowed = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        statuses = pod["status"].get("containerStatuses", [])
        runs = any("running" in (one.get("state") or {}) for one in statuses)
        ends_at = self.now + (allowed if runs else 0.0)
        dying = _deleted(pod, allowed)
        self._plan(self.now, "Pod", "MODIFIED", dying)
        if runs:
            end = {"terminated": {"exitCode": 137, "reason": "Error"}}
            ended = [{**one, "state": end} for one in statuses]
            dying = {**dying, "status": {**dying["status"], "phase": "Failed", "containerStatuses": ended}}
            self._plan(ends_at, "Pod", "MODIFIED", dying)
        self._plan(ends_at + _REMOVAL_DELAY, "Pod", "DELETED", dying)

    def _plan_last(self) -> None:
        """Plans that the Job is gone after its last pod, if launchpad has deleted it."""
        if self._dying is not None:
            self._planned = [change for change in self._planned if (change.kind, change.type) != ("Job", "DELETED")]
            last = max((change.at for change in self._planned if change.kind == "Pod"), default=self.now)
            self._plan(last, "Job", "DELETED", self._dying)

    def _publish_next(self) -> Change:
        change = self._planned.pop(0)
        self.now = max(self.now, change.at)
        if change.kind == "Event":
            change = change._replace(item=self._completed(change.item))
        if change.kind in _KINDS.values():
            metadata = {**change.item["metadata"], "resourceVersion": str(len(self.published) + 1)}
            change = change._replace(item={**change.item, "metadata": metadata})
            key = (change.kind, metadata["name"])
            self._objects.pop(key, None)
            if change.type != "DELETED":
                self._objects[key] = change.item
        self.published.append(change)
        if len(self.published) == self.cut:
            self.oldest = len(self.published)
        self.idle.clear()
        self.changed.notify_all()
        return change

    def _completed(self, event: Object) -> Object:
        """The event with the kind and the name of its object, which recordings leave out."""
        uid, name = event["involvedObject"]["uid"], event["metadata"]["name"].rpartition(".")[0]
        kind = "Job" if any(one["metadata"]["uid"] == uid for one in self.list("jobs")) else "Pod"
        return {**event, "involvedObject": {"kind": kind, "name": name, "uid": uid}}

    def watched(self, kind: str, version: int, port: int) -> Iterator[Object | None]:
        """The changes of one kind from a version on; the last one is None if the watch breaks."""
        sent = version
        try:
            while True:
                with self.changed:
                    while sent == len(self.published) and sent >= self.oldest and not self.closed:
                        self.idle[port] = kind
                        self.rests.notify_all()
                        self.changed.wait()
                    self.idle.pop(port, None)
                    if self.closed:
                        return
                    if sent < self.oldest:
                        yield None
                        return
                    fresh, sent = self.published[sent:], len(self.published)
                for change in fresh:
                    if change.kind == _KINDS[kind] and (kind == "events" or _is_own(change.item)):
                        yield {"type": change.type, "object": change.item}
        finally:
            with self.changed:
                self.idle.pop(port, None)


def _as_posted(change: Change, posted: Object) -> Change:
    """The change of a Job with the queue and the annotations of the one that was posted."""
    if change.kind != "Job":
        return change
    queue = {key: value for key, value in posted["labels"].items() if key == QUEUE}
    labels, notes = {**change.item["metadata"]["labels"], **queue}, posted.get("annotations") or {}
    metadata = {**change.item["metadata"], "labels": labels, "annotations": notes}
    return change._replace(item={**change.item, "metadata": metadata})


def _is_own(item: Object) -> bool:
    return "launchpad.io/run-id" in item["metadata"]["labels"]


def _deleted(item: Object, grace: Any) -> Object:
    deletion = {"deletionTimestamp": "2030-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace or 0}
    return {**item, "metadata": {**item["metadata"], **deletion}}
