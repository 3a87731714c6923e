"""A Job on its way out: asked for as often as it takes, and waited for until it is gone."""

from __future__ import annotations

import time

from ..core.backend import Exit
from ..core.retries import LONGEST_OUTAGE, Transient, asking_again
from ..errors import EngineUnavailable, LaunchError
from .errors import ApiError
from .jobs import Jobs

LOOKED_AT_EVERY = 1.0
"""Seconds between two looks at a Job that nobody watches any more."""

_NOT_THERE = (404, 409)  # 409: there is another one of this name


class JobDeletion:
    """The removal of one Job. `verdict` is what its run ends with then; None: it was asked to stop."""

    def __init__(self, jobs: Jobs, name: str, uid: str, grace: float, verdict: Exit | LaunchError | None) -> None:
        self.verdict = verdict
        self.gone = False
        self.due = 0.0
        """When (monotonic seconds) to advance, if nothing happens before."""
        self._jobs = jobs
        self._name = name
        self._uid = uid
        self._accepted = False
        self._until = time.monotonic() + grace + LONGEST_OUTAGE
        self._patience = asking_again(grace + LONGEST_OUTAGE)

    def advance(self, watched: bool) -> None:
        """Does what is due. EngineUnavailable where it cannot be removed, or where nobody can say that it is gone."""
        now = time.monotonic()
        if self.gone or now < self.due:
            return
        try:
            if not self._accepted:
                self._jobs.delete(self._name, self._uid)
                self._accepted = True
            elif not watched or now >= self._until:
                self._look()
            self.due = self._until if watched else now + LOOKED_AT_EVERY
        except ApiError as error:
            if error.status not in _NOT_THERE:
                raise
            self.gone = True
        except Transient as error:
            delay = self._patience.next_in(error)
            if delay is None:
                raise EngineUnavailable(f"Job {self._name} cannot be deleted: {error}") from error
            self.due = now + delay

    def hasten(self) -> None:
        """Nobody watches any more: we look ourselves."""
        self.due = min(self.due, time.monotonic() + LOOKED_AT_EVERY)

    def _look(self) -> None:
        job = self._jobs.read(self._name)
        self.gone = job["metadata"]["uid"] != self._uid
        if not self.gone and time.monotonic() >= self._until:
            raise EngineUnavailable(
                f"Job {self._name} has been deleted, and is still there: the node of its pod may not answer."
            )
