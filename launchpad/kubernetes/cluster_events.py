"""The cluster's own events (`kubectl get events`), which say why a pod does not start. Reading them is optional."""

from __future__ import annotations

from typing import Any

from ..core.watcher import Watcher
from ..errors import LaunchError
from ..net.wakeup import CLOCK, Clock
from .api import Jobs, Object
from .errors import ApiError
from .events import Fact, ListAndWatch
from .observed import ObservedJob
from .reasons import is_telling

_ROUTINE = ("Scheduled", "SuccessfulCreate", "SuccessfulDelete", "Pulled", "Created", "Started", "Killing", "Completed")
"""The reasons of the events of a run without problems."""

_SELECTOR = {"fieldSelector": ",".join(f"reason!={reason}" for reason in _ROUTINE)}

_WORKLOAD = "Workload"
"""What the queueing controller Kueue makes for a Job: its name is `job-`, that of the Job, and a suffix."""


class EventsListAndWatch(ListAndWatch):
    """Reports the events of a namespace, but for those of a run without problems.

    The key of a fact is the name of the Job. The fact's name is the uid of the object that the event is about.
    """

    selector = _SELECTOR

    def _list(self) -> list[tuple[str | None, Fact]]:
        return sorted(super()._list(), key=lambda keyed: _time_of(keyed[1].object or {}))

    def _fact(self, change: str, item: dict[str, Any]) -> tuple[str, Fact] | None:
        about = item.get("involvedObject") or {}
        kind, name = str(about.get("kind")), str(about.get("name") or "")
        if change == "DELETED" or not name:  # the server forgets events after an hour
            return None
        stem = name.rpartition("-")[0]
        key = {"Job": name, "Pod": stem, _WORKLOAD: stem.removeprefix("job-")}.get(kind)
        if not key or (kind != _WORKLOAD and not is_telling(item)):
            return None
        return key, Fact("event", str(about.get("uid")), False, _slim(item))


class ClusterEvents:
    """The events of one namespace, watched while a run is pending. Thread-safe.

    Without the permission to list and watch events there are none, and it is not asked for again.
    """

    def __init__(self, jobs: Jobs, clock: Clock = CLOCK) -> None:
        place = f"{jobs.api.server}/{jobs.namespace}"
        self._watcher = Watcher(
            EventsListAndWatch(jobs.api, jobs.events_path, "event", clock=clock), f"events of {place}"
        )
        self.denied = False
        """Whether they may not be read."""

    def expect(self, job: str, listener: EventListener) -> None:
        """From now on, `listener` gets the events about the Job and its pods, if any are watched."""
        self._watcher.register(job, listener, start=False)

    def watch(self, job: str, listener: EventListener) -> None:
        """Watches the events, if it is allowed."""
        if not self.denied:
            self._watcher.register(job, listener)

    def forget(self, job: str, listener: EventListener) -> None:
        """Removes a listener. The watch ends with the last one. Idempotent."""
        self._watcher.unregister(job, listener)

    def close(self) -> None:
        self._watcher.close()


class EventListener:
    """Passes the events about a Job and its pods on to its `ObservedJob`. A watch that fails affects no run."""

    def __init__(self, events: ClusterEvents, observed_job: ObservedJob) -> None:
        self._events = events
        self._observed_job = observed_job

    def notify(self, fact: Fact) -> None:
        self._observed_job.record(fact)

    def fail(self, error: LaunchError) -> None:
        self._events.denied = self._events.denied or isinstance(error, ApiError)


def _slim(event: Object) -> Object:
    about = event["involvedObject"]
    return {
        "type": event.get("type"),
        "reason": event.get("reason"),
        "message": event.get("message"),
        "kind": about.get("kind"),
        "lastTimestamp": _time_of(event),
    }


def _time_of(event: Object) -> str:
    times = (event.get("lastTimestamp"), (event.get("series") or {}).get("lastObservedTime"), event.get("eventTime"))
    return next(filter(None, times), None) or (event.get("metadata") or {}).get("creationTimestamp") or ""
