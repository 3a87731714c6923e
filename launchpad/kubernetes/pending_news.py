"""Reports why a run is pending, each change once."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..core.pending import Pending
from .cluster_events import ClusterEvents, EventListener
from .observed import JobSnapshot, ObservedJob
from .pending import is_waiting
from .reasons import NOTHING, why_pending

EVENTS_DELAY = 0.5
"""Seconds that a run may be pending before the cluster's events are watched. Most runs start sooner."""


class PendingNews:
    """Why a run waits, for the thread that follows it, which owns this.

    While the run is pending, the cluster's events about it are watched, together with those of other pending runs.
    """

    def __init__(
        self,
        events: ClusterEvents,
        name: str,
        observed_job: ObservedJob,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.due: float | None = None
        """When (monotonic seconds) to call `changes` even if nothing happens."""
        self._events = events
        self._name = name
        self._listener = EventListener(events, observed_job)
        self._clock = clock
        self._expecting = False
        self._seen: JobSnapshot | None = None
        self._told = NOTHING

    def changes(self, snapshot: JobSnapshot) -> list[Pending]:
        """Why the run waits now, if that is not what the last call returned."""
        if self.due is not None and self._clock() >= self.due:
            self.due = None
            self._events.watch(self._name, self._listener)
        if snapshot is self._seen:
            return []
        self._seen, now = snapshot, NOTHING
        if snapshot.deleted or snapshot.gone or not is_waiting(snapshot):
            self.close()
        else:
            self.expect()
            now = why_pending(snapshot.job, snapshot.present[-1] if snapshot.present else None, snapshot.events)
        if now == self._told:
            return []
        self._told = now
        return [now]

    def close(self) -> None:
        """Lets the watch of the events end. Idempotent."""
        if self._expecting:
            self._expecting, self.due = False, None
            self._events.forget(self._name, self._listener)

    def expect(self) -> None:
        """Takes the events that others have watched from now on, and has them watched if the run waits for long.

        It is called before the Job is created, so that none is missed. EngineUnavailable if the connection is closed.
        """
        if not self._expecting:
            self._expecting, self.due = True, self._clock() + EVENTS_DELAY
            self._events.expect(self._name, self._listener)
