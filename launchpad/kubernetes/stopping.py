"""Deleting a Job: the request is repeated until the server accepts it, and the Job and its pods are followed until
they are gone.

Pods are deleted directly where that is faster, or where the server would let them run on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from ..core.retries import LONGEST_OUTAGE, Transient, request_schedule
from ..errors import EngineUnavailable, LaunchError
from .api import Jobs, Object
from .errors import ApiError
from .lookup import Lookup
from .status import condition, grace_of, has_log, is_idle, is_over, waits

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

    def __init__(
        self,
        jobs: Jobs,
        name: str,
        uid: str,
        grace: float,
        check_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.accepted = False
        self.gone = False
        self.due = 0.0
        """When (monotonic seconds) to call `advance` even if nothing happens."""
        self._jobs = jobs
        self._name = name
        self._uid = uid
        self._check_interval = check_interval
        self._clock = clock
        self.grace_ends_at = clock() + grace
        """When (monotonic seconds) the run has had its time to end."""
        self.deadline = self.grace_ends_at + LONGEST_OUTAGE
        """When (monotonic seconds) Job and pods must be gone."""
        self._schedule = request_schedule(grace + LONGEST_OUTAGE, clock)

    def advance(self, watched: bool) -> None:
        """Sends the request that is due, if any. EngineUnavailable if the Job cannot be deleted or does not go."""
        now = self._clock()
        if self.gone or now < self.due:
            return
        try:
            if not self.accepted:
                self._jobs.delete(self._name, self._uid)
                self.accepted = True
            elif not watched or now >= self.deadline:
                self._check()
            self.due = self.deadline if watched else now + self._check_interval
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
        self.due = min(self.due, self._clock() + self._check_interval)

    def _check(self) -> None:
        job = self._jobs.read(self._name)
        self.gone = job["metadata"]["uid"] != self._uid
        if not self.gone and self._clock() >= self.deadline:
            raise EngineUnavailable(
                f"Job {self._name} has been deleted but still exists: the node of its pod may not answer."
            )


class PodRemoval:
    """Deletes pods of a Job that is deleted, as far as the permissions allow it.

    Owned by the thread that follows the run.
    """

    def __init__(self, jobs: Jobs, lookup: Lookup, clock: Callable[[], float] = time.monotonic) -> None:
        self.due: float | None = None
        """When (monotonic seconds) to call `remove_idle` again even if nothing happens."""
        self._jobs = jobs
        self._lookup = lookup
        self._clock = clock
        self._seen: dict[str, float] = {}  # when a pod was first seen idle, by its name
        self._requested: set[tuple[object, ...]] = set()
        self.removed: set[str] = set()
        """The names of the pods that the server has removed without asking their nodes."""
        self._lookup_at: float | None = None  # when to request the states: the server knows newer ones

    def remove_idle(self, pods: Iterable[Object]) -> None:
        """Removes the pods in which nothing runs and the run has not started, without asking their nodes.

        A node takes half a minute to report the end of such a pod. If the state of the pod is no longer the latest, the
        server refuses, and the next state is judged; it is requested if the watchers do not report it soon.
        """
        now = self._clock()
        if self._lookup_at is not None and now >= self._lookup_at:
            self._lookup_at = None if self._lookup.pods() else self._lookup.due
        self.due = None
        for pod in pods:
            if is_over(pod) or has_log(pod) or not is_idle(pod):
                continue
            metadata = pod["metadata"]
            safe_at = self._seen.setdefault(metadata["name"], now) + (START_WINDOW if _may_have_started(pod) else 0.0)
            if now < safe_at:
                self._call_at(safe_at)
            elif not self._delete(metadata["name"], 0, metadata.get("resourceVersion")):
                self._call_at(now + RETRY_INTERVAL)
        if self._lookup_at is not None:
            self._call_at(self._lookup_at)

    def end(self, pods: Iterable[Object], grace: int | None) -> None:
        """Has the pods end within `grace` seconds; None: within their own grace. 0 removes them from the server alone.

        A process that was asked to end before keeps the grace of that first request.
        """
        for pod in pods:
            metadata = pod["metadata"]
            removed = (metadata["name"], 0, metadata.get("resourceVersion")) in self._requested
            if not removed and not is_over(pod) and not self._delete(metadata["name"], grace, None):
                self._call_at(self._clock() + RETRY_INTERVAL)

    def _call_at(self, at: float) -> None:
        self.due = min(at, self.due or at)

    def _delete(self, name: str, grace: int | None, version: str | None) -> bool:
        """Requests the deletion, once; False if the server does not answer."""
        if (name, grace, version) in self._requested:
            return True
        try:
            self._jobs.delete_pod(name, grace, version)
        except Transient as error:
            _logger.debug("The request to delete pod %s is repeated: %s", name, error)
            return False
        except LaunchError as error:
            refused = not (isinstance(error, ApiError) and error.status in _GONE)
            if version is not None and not refused:
                self._lookup_at = self._clock() + RETRY_INTERVAL
            _logger.log(logging.WARNING if refused else logging.DEBUG, "Pod %s may go on running: %s", name, error)
        else:
            if grace == 0:
                self.removed.add(name)
                self._lookup.wake()  # no watcher may report it
        self._requested.add((name, grace, version))
        return True


class JobRemoval:
    """The removal of a Job and of all its pods, if that is due. Owned by the thread that follows the run."""

    def __init__(
        self,
        jobs: Jobs,
        lookup: Lookup,
        name: str,
        check_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deletion: JobDeletion | None = None
        """The deletion of the Job, once it is requested."""
        self.pods = PodRemoval(jobs, lookup, clock)
        self.survival = ""
        """What may go on running although its pod was removed; empty if nothing may."""
        self._jobs = jobs
        self._lookup = lookup
        self._name = name
        self._check_interval = check_interval
        self._clock = clock
        self._pod_grace: int | None = None
        self._lookup_due: float | None = None  # when to ask the server again whether there is a pod
        self._abandoned = False
        self._left: list[Object] = []  # the pods that must end yet

    def request(self, uid: str, grace: float) -> None:
        self.deletion = JobDeletion(self._jobs, self._name, uid, grace, self._check_interval, self._clock)

    def hurry(self) -> None:
        """Has the pods end at once. A process keeps the grace of a first request, so its pod is removed without it."""
        assert self.deletion is not None
        self._pod_grace = 0 if self._clock() < self.deletion.grace_ends_at else 1

    def abandon(self) -> None:
        """Makes `is_done` True: the Job cannot be removed."""
        self._abandoned = True

    def advance(self, watched: bool) -> None:
        """Sends the request for the Job that is due, if any. EngineUnavailable if it or a pod does not go."""
        if self.deletion is None:
            return
        self.deletion.advance(watched)
        if self._left and self._clock() >= self.deletion.deadline:
            pod = self._left[0]["metadata"]["name"]
            raise EngineUnavailable(f"Job {self._name} is deleted, but not its pod {pod}: its node may not answer.")

    def advance_pods(self, pods: Sequence[Object], repetitions: Sequence[Object], gone: bool) -> None:
        """Sends the requests for the pods that are due. `repetitions` are the pods that execute the run again."""
        self.pods.remove_idle(pods)
        if self._pod_grace is None:
            self.pods.end(repetitions, 1)
        else:
            self._note_survival(pods)
            self.pods.end(pods, self._pod_grace)
        if gone:  # no controller ends them
            self.pods.end([pod for pod in pods if "deletionTimestamp" not in pod["metadata"]], None)

    def is_done(self, pods: Sequence[Object], gone: bool, early: bool) -> bool:
        """Whether the Job and its pods are gone, or have ended.

        `early` does not wait until the server removes the Job.
        """
        self._lookup_due = None
        self._left = [pod for pod in pods if not is_over(pod) and pod["metadata"]["name"] not in self.pods.removed]
        if self._abandoned or self.deletion is None or self._left:
            return self._abandoned
        if not (gone or self.deletion.gone):
            return self.deletion.accepted and bool(pods) and (early or self._pod_grace == 0)
        if pods or self._lookup.excludes_pod():
            return True
        self._lookup_due = self._lookup.due
        return False

    def dues(self) -> list[float | None]:
        """When (monotonic seconds) there is something to do even if nothing happens."""
        deletion = self.deletion
        if deletion is None:
            return [self.pods.due]
        last = deletion.deadline if self._left else None
        return [self.pods.due, self._lookup_due, last if deletion.gone else deletion.due]

    def _note_survival(self, pods: Sequence[Object]) -> None:
        """Warns, once, of a run whose pod is removed before the end of its grace."""
        running = [pod for pod in pods if not is_over(pod) and not is_idle(pod)]
        if self._pod_grace != 0 or self.survival or not running:
            return
        name = running[0]["metadata"]["name"]
        grace = max(map(grace_of, running))
        limit = f"for up to {grace:g} s, the grace of the first stop" if grace else "until its grace is over"
        self.survival = f"Pod {name} was removed without waiting for its node: its process may go on {limit}."
        _logger.warning("%s", self.survival)


def _may_have_started(pod: Object) -> bool:
    """Whether a node may be starting a container of an idle pod: it has got the pod, and reports no obstacle."""
    return condition(pod, "PodScheduled") is not None and not waits(pod)
