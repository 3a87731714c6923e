"""Runs that others end: their Job or pod is deleted, evicted or lost, and they must be neither lost nor repeated."""

from __future__ import annotations

import time
from collections.abc import Callable

from .lookup import Lookup
from .observed import JobSnapshot
from .status import decision_of, grace_of, runs_once

LOST_TIMEOUT = 30.0
"""Seconds after its grace in which a pod that is being ended must have ended, and its Job with it."""


class Interruption:
    """How long to wait for the end of a run that is being ended by others. Owned by the thread that follows the run."""

    def __init__(self, lost_timeout: float, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self._lost_timeout = lost_timeout
        self._lookup = lookup
        self._clock = clock
        self._ending: tuple[bool, float] | None = None  # how far the end had come when the wait began
        self._confirmed = False  # whether the server has answered since the wait is over
        self.due: float | None = None
        """When (monotonic seconds) the wait is over; None while no one else ends the run."""

    def is_overdue(self, snapshot: JobSnapshot) -> bool:
        """Whether the run is being ended, and neither its Job nor its node has reported the end in time.

        When the time is over, the state is requested first: the watchers may not have heard from the server.
        """
        if not is_being_ended(snapshot):
            self.due = self._ending = None
            return False
        grace = max(map(grace_of, snapshot.pods), default=0.0)
        ending = (decision_of(snapshot.job) is not None, grace)
        if ending != self._ending:
            self._ending, self._confirmed = ending, False
            self.due = self._clock() + self._lost_timeout + grace
        assert self.due is not None
        if self._confirmed or self._clock() < self.due:
            return self._confirmed
        self._confirmed = self._lookup.job()
        self.due = self._lookup.due or self.due
        return False


def is_being_ended(snapshot: JobSnapshot) -> bool:
    """Whether the Job is ending, or is deleted, or its pod was cut short and must not run again."""
    if snapshot.deleted or snapshot.gone or decision_of(snapshot.job) is not None:
        return True
    return runs_once(snapshot.job) and snapshot.newest is not None and bool(snapshot.newest.get("cut"))


def is_repeated(snapshot: JobSnapshot) -> bool:
    """Whether there is a second pod that executes a run again. Servers before about 1.27 create one."""
    return runs_once(snapshot.job) and any(not pod.get("suspended") for pod in snapshot.pods[:-1])


def without_repetition(snapshot: JobSnapshot) -> JobSnapshot:
    """The snapshot without the pods that execute the run again."""
    if not is_repeated(snapshot):
        return snapshot
    first = next(number for number, pod in enumerate(snapshot.pods, 1) if not pod.get("suspended"))
    return snapshot._replace(pods=snapshot.pods[:first])
