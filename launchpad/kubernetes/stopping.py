"""Deleting a Job: the request is repeated until the server accepts it, and the Job is followed until it is gone."""

from __future__ import annotations

import time

from ..core.backend import Exit
from ..core.retries import LONGEST_OUTAGE, Transient, request_schedule
from ..errors import EngineUnavailable, LaunchError
from .api import Jobs
from .errors import ApiError

CHECK_INTERVAL = 1.0
"""Seconds between two requests for the state of a Job that is no longer watched."""

_GONE = (404, 409)  # 409: there is another Job of this name


class JobDeletion:
    """The deletion of one Job. `verdict` is how its run ends then; None if the run was asked to stop."""

    def __init__(self, jobs: Jobs, name: str, uid: str, grace: float, verdict: Exit | LaunchError | None) -> None:
        self.verdict = verdict
        self.gone = False
        self.due = 0.0
        """When (monotonic seconds) to call `advance` even if nothing happens."""
        self._jobs = jobs
        self._name = name
        self._uid = uid
        self._accepted = False
        self._deadline = time.monotonic() + grace + LONGEST_OUTAGE
        self._schedule = request_schedule(grace + LONGEST_OUTAGE)

    def advance(self, watched: bool) -> None:
        """Sends the request that is due, if any. EngineUnavailable if the Job cannot be deleted or does not go."""
        now = time.monotonic()
        if self.gone or now < self.due:
            return
        try:
            if not self._accepted:
                self._jobs.delete(self._name, self._uid)
                self._accepted = True
            elif not watched or now >= self._deadline:
                self._check()
            self.due = self._deadline if watched else now + CHECK_INTERVAL
        except ApiError as error:
            if error.status not in _GONE:
                raise
            self.gone = True
        except Transient as error:
            delay = self._schedule.next_in(error)
            if delay is None:
                raise EngineUnavailable(f"Job {self._name} cannot be deleted: {error}") from error.__cause__
            self.due = now + delay

    def hasten(self) -> None:
        """Makes `advance` due soon: the Job is no longer watched."""
        self.due = min(self.due, time.monotonic() + CHECK_INTERVAL)

    def _check(self) -> None:
        job = self._jobs.read(self._name)
        self.gone = job["metadata"]["uid"] != self._uid
        if not self.gone and time.monotonic() >= self._deadline:
            raise EngineUnavailable(
                f"Job {self._name} has been deleted but still exists: the node of its pod may not answer."
            )
