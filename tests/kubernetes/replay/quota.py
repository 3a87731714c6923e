"""A namespace of the replaying API server that no recording fills: a quota allows some pods at a time."""

from __future__ import annotations

from collections import deque

from .recording import Change, Object
from .world import World

_MESSAGE = 'Error creating: pods "{}-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods={}'


class QuotaWorld(World):
    """Creates a pod for each Job as soon as the quota allows it, and an event where it does not. Thread-safe."""

    def __init__(self, pods: int) -> None:
        super().__init__("01")
        self._planned = []
        self._pods = pods
        self._active: deque[Object] = deque()  # the Jobs whose pods run
        self._refused: deque[Object] = deque()

    def create(self, job: Object) -> Object:
        with self.changed:
            name = job["metadata"]["name"]
            metadata = {**job["metadata"], "uid": f"uid-{name}", "creationTimestamp": "2030-01-01T00:00:00Z"}
            created = self._put("Job", "ADDED", {**job, "metadata": metadata, "status": {}})
            if len(self._active) < self._pods:
                self._start(created)
            else:
                self._refused.append(created)
                about = {"kind": "Job", "name": name, "uid": metadata["uid"]}
                event = {"reason": "FailedCreate", "type": "Warning", "message": _MESSAGE.format(name, self._pods)}
                self._put("Event", "ADDED", {"metadata": {"name": f"{name}.1"}, "involvedObject": about, **event})
            return created

    def end_pod(self) -> bool:
        """Ends the oldest pod, with its Job, and creates the next one; False if there is none."""
        with self.changed:
            if not self._active:
                return False
            job = self._active.popleft()
            self._put("Pod", "MODIFIED", _pod(job, "Succeeded", {"terminated": {"exitCode": 0}}))
            complete = {"conditions": [{"type": "Complete", "status": "True"}]}
            self._put("Job", "MODIFIED", {**job, "status": complete})
            if self._refused:
                self._start(self._refused.popleft())
            return True

    def _start(self, job: Object) -> None:
        self._active.append(job)
        self._put("Pod", "ADDED", _pod(job, "Running", {"running": {}}))

    def _put(self, kind: str, type: str, item: Object) -> Object:
        self._planned.append(Change(0.0, kind, type, item))
        return self._publish_next().item


def _pod(job: Object, phase: str, state: Object) -> Object:
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    labels = {**job["spec"]["template"]["metadata"]["labels"], "job-name": name, "controller-uid": uid}
    metadata = {"name": f"{name}-abcde", "uid": f"{uid}-pod", "labels": labels}
    return {
        "metadata": metadata,
        "spec": {},
        "status": {"phase": phase, "containerStatuses": [{"name": "job", "state": state}]},
    }
