"""Waiting for the containers of a Job to start: request the state if that takes long, give up after a time-out."""

from __future__ import annotations

import time
from collections.abc import Callable, Set

from ..core.backend import Exit
from ..core.retries import Transient, lookup_schedule
from ..errors import LaunchError
from . import waiting
from .api import Jobs, Object
from .lookup import Lookup, MissedNews
from .observed import JobSnapshot, ObservedJob
from .status import (
    Container,
    containers,
    decision_of,
    has_ended,
    has_run,
    is_over,
    is_queued,
    is_suspended,
    last_end,
    own_status,
    state,
)

STILL_TIMEOUT = 1.0
"""Seconds without a report of the watch after which pods are requested."""


class PendingPod:
    """The wait for the containers of a Job's pod, until all have started. Owned by the thread that follows the run.

    Its time-out starts again with every container that starts, and does not pass while one runs or the Job waits in a
    queue. None: there is no time-out.
    """

    def __init__(
        self,
        jobs: Jobs,
        lookup: Lookup,
        news: MissedNews,
        observed_job: ObservedJob,
        timeout: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._lookup = lookup
        self._news = news
        self._observed_job = observed_job
        self._timeout = timeout
        self._clock = clock
        self._since = clock()
        self._policy = lookup_schedule(timeout, clock)
        self._started: Set[tuple[str, str]] | None = frozenset()
        """The containers that had started when the time-out started; None while it does not pass."""
        self.due: float | None = None
        """When (monotonic seconds) to request the state of the pods."""
        self._scheduled = 0.0  # the same, but for delays
        self._schedule()

    def verdict(self, snapshot: JobSnapshot) -> Exit | LaunchError | None:
        """How the run ends if a container will not start; None while all may. Requests the state when that is due."""
        if not self._is_waiting(snapshot):
            return None
        pod = snapshot.present[-1] if snapshot.present else None
        if pod is None:
            self._news.expect()
        else:
            self._news.close()
        if pod is not None and waiting.is_hopeless(pod, snapshot.pull_failures):
            return waiting.of_waiting(snapshot.job, pod, (), self._waited())
        if self.due is None or (self._clock() < self.due and not self._news.are_listed(self._scheduled)):
            return None
        if pod is None and self._lookup.due is None and self._are_news_awaited():
            return None
        listed, last = self._news.are_listed(self._scheduled), not self._schedule()
        if pod is None or last:
            if not (self._lookup.job() if last else listed or self._lookup.pods()):
                self.due = self._lookup.due
                return None
            snapshot = self._observed_job.snapshot()
            if not self._may_be_given_up(snapshot, last):
                return None
        return self._judge(snapshot, last, listed)

    def _are_news_awaited(self) -> bool:
        """Whether the run waits on for what the watch is about to report of its pod. Sets `due` then."""
        awaited = self._news.are_awaited(self._scheduled, self._scheduled, STILL_TIMEOUT)
        if awaited:
            self.due = self._news.due
        return awaited

    def _may_be_given_up(self, snapshot: JobSnapshot, last: bool) -> bool:
        """Whether a state that was requested just now still has the run wait, without a container that has started."""
        if snapshot.gone or decision_of(snapshot.job) is not None or not self._is_waiting(snapshot):
            return False
        return not last or self.due is None or self._clock() >= self.due

    def _is_waiting(self, snapshot: JobSnapshot) -> bool:
        """Whether a container has yet to start and none runs before it. Starts the time-out again if that is new."""
        if is_queued(snapshot.job) or not is_waiting(snapshot):
            self._started, self.due = None, None
            self._news.close()
            return False
        pods = snapshot.present[-1:]
        started = frozenset(
            (pod["metadata"]["name"], one.name) for pod in pods for one in containers(pod) if has_run(one)
        )
        if started != self._started:
            self._started, self._since = started, self._clock()
            self._policy = lookup_schedule(self._timeout, self._clock)
            self._schedule()
        return True

    def _schedule(self) -> bool:
        """Sets `due` to the time of the next request; False if there is none."""
        delay = self._policy.next_in()
        self.due = self._scheduled = self._clock() + (delay or 0.0)
        return delay is not None

    def _waited(self) -> float:
        return self._clock() - self._since

    def _judge(self, snapshot: JobSnapshot, last: bool, shared: bool) -> Exit | LaunchError | None:
        """How the run ends, by the events about its Job and its pod. If many runs wait, by those that are watched."""
        pod = snapshot.present[-1] if snapshot.present else None
        if pod is not None and not last:
            return None
        watched = list(snapshot.events.values()) if shared and not last else None
        events = self._events(snapshot.job) + self._events(pod) if watched is None else watched
        if pod is None:
            message = waiting.pod_refusal(events) or (waiting.quota_refusal(events) if last else None)
            if message is not None:
                return LaunchError(f"The cluster creates no pod for the run: {message}")
        return waiting.of_waiting(snapshot.job, pod, events, self._waited(), snapshot.pods) if last else None

    def _events(self, item: Object | None) -> list[Object]:
        """The cluster's events about an object; none if they may not be read."""
        try:
            return self._jobs.events(item["metadata"]["uid"]) if item else []
        except (Transient, LaunchError):
            return []


def is_waiting(snapshot: JobSnapshot) -> bool:
    """Whether a container of the newest pod has yet to start, or the pod itself, and no container runs before it."""
    if not snapshot.present:  # after the first pod, the next may have to wait for the back-off of the Job
        return not snapshot.pods or is_suspended(snapshot.job)
    pod = snapshot.present[-1]
    if is_over(pod) or "deletionTimestamp" in pod["metadata"] or state(own_status(pod), "running") is not None:
        return False
    if any(one.kind == "init container" and _is_busy(one) for one in containers(pod)):
        return False
    if any(one.is_own and has_run(one) for one in containers(pod)):
        return has_ended(pod) and any(state(one.status, "waiting") and not has_run(one) for one in containers(pod))
    return True


def _is_busy(container: Container) -> bool:
    """Whether an init container runs, or has failed: its Job then ends, or lets it run again."""
    end = last_end(container.status)
    return state(container.status, "running") is not None or (end is not None and end.get("exitCode") != 0)
