"""Waiting for a Job's pod to start: watching, looking directly when that takes long, and giving up."""

from __future__ import annotations

import time

from ..core.backend import Exit
from ..core.retries import Transient, looking_directly
from ..errors import LaunchError
from . import diagnosis
from .events import Fact
from .jobs import Jobs, Object
from .observed import JobSnapshot, ObservedJob
from .status import is_under_way


class PendingPod:
    """What is done while no pod of a Job has started. Owned by the thread that follows the run."""

    def __init__(self, jobs: Jobs, name: str, observed: ObservedJob, longest: float) -> None:
        self._jobs = jobs
        self._name = name
        self._observed = observed
        self._since = time.monotonic()
        self._policy = looking_directly(longest)
        self.due = 0.0
        """When (monotonic seconds) to look directly."""
        self._plan()

    def verdict(self, seen: JobSnapshot) -> Exit | LaunchError | None:
        """What to end the run with, as far as it is known; None while it is worth waiting. May ask the server."""
        pod = seen.there[-1] if seen.there else None
        if pod is not None and diagnosis.hopeless(pod, seen.pull_failures):
            return diagnosis.of_waiting(seen.job, pod, (), self._waited())
        if time.monotonic() < self.due:
            return None
        last = not self._plan()
        if pod is None or last:
            seen = self._look()
            if any(map(is_under_way, seen.pods)):
                return None
        return self._judge(seen, last)

    def _plan(self) -> bool:
        """Whether there is to be another look; then `due` says when."""
        delay = self._policy.next_in()
        self.due = time.monotonic() + (delay or 0.0)
        return delay is not None

    def _waited(self) -> float:
        return time.monotonic() - self._since

    def _judge(self, seen: JobSnapshot, last: bool) -> Exit | LaunchError | None:
        pod = seen.there[-1] if seen.there else None
        if pod is not None and not last:
            return None
        events = self._events(seen.job) + (self._events(pod) if pod else [])
        if pod is None:
            refused = diagnosis.refused_by(events) or (diagnosis.over_quota(events) if last else None)
            if refused is not None:
                return LaunchError(f"The cluster makes no pod for the run: {refused}")
        return diagnosis.of_waiting(seen.job, pod, events, self._waited()) if last else None

    def _look(self) -> JobSnapshot:
        try:
            for pod in self._jobs.pods(self._name):
                self._observed.learn(Fact("pod", pod["metadata"]["name"], False, pod))
        except (Transient, LaunchError):
            pass  # what was watched is all we know
        return self._observed.look()

    def _events(self, item: Object | None) -> list[Object]:
        """The cluster's events about it; none where we may not read them."""
        try:
            return self._jobs.events(item["metadata"]["uid"]) if item else []
        except (Transient, LaunchError):
            return []
