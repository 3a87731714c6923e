"""Waiting for a Job's pod to start: watch, request its state if that takes long, and give up after a time-out."""

from __future__ import annotations

import time

from ..core.backend import Exit
from ..core.retries import Transient, lookup_schedule
from ..errors import LaunchError
from . import diagnosis
from .api import Jobs, Object
from .events import Fact
from .observed import JobSnapshot, ObservedJob
from .status import is_under_way


class PendingPod:
    """The wait for the first pod of a Job. Owned by the thread that follows the run."""

    def __init__(self, jobs: Jobs, name: str, observed_job: ObservedJob, timeout: float) -> None:
        self._jobs = jobs
        self._name = name
        self._observed_job = observed_job
        self._since = time.monotonic()
        self._policy = lookup_schedule(timeout)
        self.due = 0.0
        """When (monotonic seconds) to request the state of the pods."""
        self._schedule()

    def verdict(self, snapshot: JobSnapshot) -> Exit | LaunchError | None:
        """How the run ends, if its pod will not start; None while it may. Requests the cluster's state when due."""
        pod = snapshot.present[-1] if snapshot.present else None
        if pod is not None and diagnosis.is_hopeless(pod, snapshot.pull_failures):
            return diagnosis.of_waiting(snapshot.job, pod, (), self._waited())
        if time.monotonic() < self.due:
            return None
        last = not self._schedule()
        if pod is None or last:
            snapshot = self._request_pods()
            if any(map(is_under_way, snapshot.pods)):
                return None
        return self._judge(snapshot, last)

    def _schedule(self) -> bool:
        """Sets `due` to the time of the next request; False if there is none."""
        delay = self._policy.next_in()
        self.due = time.monotonic() + (delay or 0.0)
        return delay is not None

    def _waited(self) -> float:
        return time.monotonic() - self._since

    def _judge(self, snapshot: JobSnapshot, last: bool) -> Exit | LaunchError | None:
        pod = snapshot.present[-1] if snapshot.present else None
        if pod is not None and not last:
            return None
        events = self._events(snapshot.job) + self._events(pod)
        if pod is None:
            message = diagnosis.pod_refusal(events) or (diagnosis.quota_refusal(events) if last else None)
            if message is not None:
                return LaunchError(f"The cluster creates no pod for the run: {message}")
        return diagnosis.of_waiting(snapshot.job, pod, events, self._waited()) if last else None

    def _request_pods(self) -> JobSnapshot:
        try:
            for pod in self._jobs.pods(self._name):
                self._observed_job.record(Fact("pod", pod["metadata"]["name"], False, pod))
        except (Transient, LaunchError):
            pass  # the watched state is then all that is known
        return self._observed_job.snapshot()

    def _events(self, item: Object | None) -> list[Object]:
        """The cluster's events about an object; none if they may not be read."""
        try:
            return self._jobs.events(item["metadata"]["uid"]) if item else []
        except (Transient, LaunchError):
            return []
