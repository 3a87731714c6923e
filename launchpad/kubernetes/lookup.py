"""Requests for the state of one Job: what no watcher reports, and what must be known before a run's end is decided."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ..core.retries import RetrySchedule, Transient, request_schedule
from ..errors import EngineUnavailable, LaunchError
from .api import Jobs
from .errors import ApiError
from .events import Fact, Kind
from .observed import ObservedJob
from .shared_listing import LISTING_TIMEOUT, SharedListing

_logger = logging.getLogger("launchpad")


class Lookup:
    """Requests the state of one Job and its pods. Owned by the thread that follows the run.

    A request without an answer proves nothing, so it is repeated until the server answers. EngineUnavailable if it does
    not answer for minutes.
    """

    def __init__(
        self, jobs: Jobs, name: str, observed_job: ObservedJob, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.due: float | None = None
        """When (monotonic seconds) a request that was not answered may be repeated."""
        self._jobs = jobs
        self._name = name
        self._observed_job = observed_job
        self._clock = clock
        self._uid = ""
        self._schedule: RetrySchedule | None = None  # from the first of several requests without an answer on
        self._has_looked = False  # whether the server was asked for pods since the Job is gone

    def expect(self, uid: str) -> None:
        self._uid = uid

    def wake(self) -> None:
        """Has the thread look at the state of the Job again."""
        self._observed_job.wake()

    def job(self) -> bool:
        """Records the states of the Job and its pods, and wakes the thread.

        False if the server does not answer, or is not to be asked before `due`.
        """
        return self._is_answered(self._request_job)

    def pods(self) -> bool:
        """Does the same for the pods alone."""
        return self._is_answered(self._request_pods)

    def excludes_pod(self) -> bool:
        """Whether the server has answered that a Job which is gone has no pod: one may not have been reported yet.

        Otherwise requests the pods, and the next snapshot has them. False if the server does not answer, as above.
        """
        if self._has_looked:
            return True
        self._has_looked = self.pods()
        return False

    def _is_answered(self, request: Callable[[], None]) -> bool:
        if self.due is not None and self._clock() < self.due:
            return False
        try:
            request()
        except Transient as error:
            self._repeat_later(error)
            return False
        except LaunchError as error:  # a refusal is an answer: there is no more to be known
            _logger.debug("The state of job %s may not be requested: %s", self._name, error)
        self.due = self._schedule = None
        self.wake()
        return True

    def _repeat_later(self, error: Transient) -> None:
        self._schedule = self._schedule or request_schedule(clock=self._clock)
        delay = self._schedule.next_in(error)
        if delay is None:
            raise EngineUnavailable(f"The state of job {self._name} cannot be requested: {error}") from error.__cause__
        self.due = self._clock() + delay

    def _request_job(self) -> None:
        try:
            job = self._jobs.read(self._name)
        except ApiError as error:
            if error.status == 404:
                self._observed_job.record(Fact("job", self._name, True, None))
        else:
            same = job["metadata"]["uid"] == self._uid
            self._observed_job.record(Fact("job", self._name, not same, job if same else None))
        self._request_pods()

    def _request_pods(self) -> None:
        """Records the pods that exist, and that those known before are gone if they do not."""
        known = {pod["metadata"]["name"] for pod in self._observed_job.snapshot().present}
        pods = {pod["metadata"]["name"]: pod for pod in self._jobs.pods(self._name)}
        for name in sorted(known - pods.keys()):
            self._observed_job.record(Fact("pod", name, True, None))
        for name, pod in pods.items():
            self._observed_job.record(Fact("pod", name, False, pod))


class MissedNews:
    """What one run does about news of its Job or its pods that it misses. Owned by the thread that follows the run."""

    def __init__(
        self,
        kind: Kind,
        listing: SharedListing,
        name: str,
        observed_job: ObservedJob,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.due = 0.0
        """When (monotonic seconds) to call `are_awaited` again, if it has returned True."""
        self._kind = kind
        self._listing = listing
        self._name = name
        self._observed_job = observed_job
        self._clock = clock

    def expect(self) -> None:
        """Notes that the run waits for news. Idempotent."""
        self._listing.wait(self._name)

    def are_listed(self, since: float) -> bool:
        """Whether the states are known from a listing of all that began after `since`."""
        return self._observed_job.is_listed(self._kind, since)

    def are_awaited(self, since: float, at: float, timeout: float) -> bool:
        """Whether the run waits on, instead of making a request at `at`. If many runs wait, requests a listing of all.

        The states are needed as they were at `since` or later.
        """
        if self.are_listed(since):
            return False
        self.expect()
        self.due = self._listing.due(at, timeout)
        if self._clock() < self.due:
            return True
        if not self._listing.request(since):
            return False
        self.due = self._clock() + LISTING_TIMEOUT  # the end of the listing wakes the thread
        return True

    def close(self) -> None:
        """Notes that the run waits for no news. Idempotent."""
        self._listing.leave(self._name)


class UnlistedJob:
    """Requests a Job that a complete listing did not have: if it was deleted before, no watcher will report it.

    Owned by the thread that follows the run.
    """

    def __init__(
        self,
        lookup: Lookup,
        news: MissedNews,
        observed_job: ObservedJob,
        report_timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.due: float | None = None
        """When (monotonic seconds) to request it; None if it has been reported."""
        self._lookup = lookup
        self._news = news
        self._observed_job = observed_job
        self._report_timeout = report_timeout
        self._clock = clock
        self._since = 0.0  # when it was missed

    def advance(self) -> None:
        """Does what is due."""
        now = self._clock()
        if self._observed_job.take_unlisted() and self.due is None:
            self._since, self.due = now, now + self._report_timeout
            self._news.expect()
        if self.due is None:
            return
        if self._observed_job.watched:
            self.close()
        elif now >= self.due or self._news.are_listed(self._since):
            at = self._since + self._report_timeout
            if self._lookup.due is None and self._news.are_awaited(self._since, at, self._report_timeout):
                self.due = self._news.due
            elif self._lookup.job():
                self.close()
            else:
                self.due = self._lookup.due

    def close(self) -> None:
        """Idempotent."""
        self.due = None
        self._news.close()
