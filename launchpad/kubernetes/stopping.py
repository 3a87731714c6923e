"""Deleting a Job: the request is repeated until the server accepts it, and the Job is followed until it is gone.

Its pods are deleted directly where that is faster, or where the server would let them run on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from ..core.retries import LONGEST_OUTAGE, Transient, request_schedule
from ..errors import EngineUnavailable, LaunchError
from .api import Jobs, Object
from .errors import ApiError
from .status import condition, has_log, is_idle, is_over, waits

RETRY_INTERVAL = 1.0
"""Seconds after which a request to delete a pod is repeated."""

START_WINDOW = 4.0
"""Seconds after which a container that its node does not report has not been started."""

_GONE = (404, 409)  # 409: there is another Job of this name

_logger = logging.getLogger("launchpad")


class JobDeletion:
    """The deletion of one Job.

    `check_interval`: seconds between two requests for the state of a Job that is no longer watched.
    """

    def __init__(self, jobs: Jobs, name: str, uid: str, grace: float, check_interval: float) -> None:
        self.accepted = False
        self.gone = False
        self.due = 0.0
        """When (monotonic seconds) to call `advance` even if nothing happens."""
        self._jobs = jobs
        self._name = name
        self._uid = uid
        self._check_interval = check_interval
        self._deadline = time.monotonic() + grace + LONGEST_OUTAGE
        self._schedule = request_schedule(grace + LONGEST_OUTAGE)

    def advance(self, watched: bool) -> None:
        """Sends the request that is due, if any. EngineUnavailable if the Job cannot be deleted or does not go."""
        now = time.monotonic()
        if self.gone or now < self.due:
            return
        try:
            if not self.accepted:
                self._jobs.delete(self._name, self._uid)
                self.accepted = True
            elif not watched or now >= self._deadline:
                self._check()
            self.due = self._deadline if watched else now + self._check_interval
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
        self.due = min(self.due, time.monotonic() + self._check_interval)

    def _check(self) -> None:
        job = self._jobs.read(self._name)
        self.gone = job["metadata"]["uid"] != self._uid
        if not self.gone and time.monotonic() >= self._deadline:
            raise EngineUnavailable(
                f"Job {self._name} has been deleted but still exists: the node of its pod may not answer."
            )


class PodRemoval:
    """Deletes pods of a Job that is deleted, as far as the permissions allow it.

    Owned by the thread that follows the run.
    """

    def __init__(self, jobs: Jobs) -> None:
        self.due: float | None = None
        """When (monotonic seconds) to call `remove_idle` again even if nothing happens."""
        self._jobs = jobs
        self._seen: dict[str, float] = {}  # when a pod was first seen idle, by its name
        self._requested: set[tuple[object, ...]] = set()

    def remove_idle(self, pods: Iterable[Object]) -> None:
        """Removes the pods in which nothing runs and the run has not started, without asking their nodes.

        A node takes half a minute to report the end of such a pod. If the state of the pod is no longer the latest, the
        server refuses, and the next state is judged.
        """
        now, self.due = time.monotonic(), None
        for pod in pods:
            if is_over(pod) or has_log(pod) or not is_idle(pod):
                continue
            metadata = pod["metadata"]
            safe_at = self._seen.setdefault(metadata["name"], now) + (START_WINDOW if _may_have_started(pod) else 0.0)
            if now >= safe_at:
                self._delete(metadata["name"], 0, metadata.get("resourceVersion"))
            else:
                self.due = min(safe_at, self.due or safe_at)

    def end(self, pods: Iterable[Object], grace: int | None) -> None:
        """Has the pods end within `grace` seconds; None: within their own grace."""
        for pod in pods:
            metadata = pod["metadata"]
            removed = (metadata["name"], 0, metadata.get("resourceVersion")) in self._requested
            if not removed and not is_over(pod):
                self._delete(metadata["name"], grace, None)

    def _delete(self, name: str, grace: int | None, version: str | None) -> None:
        if (name, grace, version) in self._requested:
            return
        self._requested.add((name, grace, version))
        try:
            self._jobs.delete_pod(name, grace, version)
        except Transient as error:
            _logger.debug("The request to delete pod %s is repeated: %s", name, error)
            self._requested.remove((name, grace, version))
            retry_at = time.monotonic() + RETRY_INTERVAL
            self.due = min(retry_at, self.due or retry_at)
        except LaunchError as error:
            expected = version is not None or (isinstance(error, ApiError) and error.status in _GONE)
            _logger.log(logging.DEBUG if expected else logging.WARNING, "Pod %s may go on running: %s", name, error)


def _may_have_started(pod: Object) -> bool:
    """Whether a node may be starting a container of an idle pod: it has got the pod, and reports no obstacle."""
    return condition(pod, "PodScheduled") is not None and not waits(pod)
