"""Counts futures by state, measures how fast they end, and collects failures."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sized
from concurrent.futures import Future
from typing import Any, NamedTuple

import attrs

from ..core.pending import pending_of
from ..models import Handle, Outcome
from .text import name_of, why, why_not

MAX_KEPT_FAILURES = 20
"""Failures that are kept: the first ones."""

MAX_NEW_FAILURES = 10_000
"""Failures that are kept until `new_failures` is called, at most."""

MIN_RATE_WINDOW = 0.1
"""Seconds after the first start before which no rate is given."""


class Failure(NamedTuple):
    """The name of what failed, and the reason: one line each."""

    name: str
    why: str


class Waits(NamedTuple):
    """How many runs are pending for one reason, and why one of them is, in the words of its engine."""

    runs: int
    message: str


@attrs.frozen(kw_only=True)
class Counts:
    """The counts at one moment. `rate` is in ends per second, None before the first end. `note` is what is going on.

    `retries` are the attempts beyond the first one of each run.
    """

    total: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    retries: int = 0
    seconds: float = 0.0
    rate: float | None = None
    failures: tuple[Failure, ...] = ()
    note: str = ""
    pending: Mapping[str, Waits] = {}
    """The running ones that wait on their engine, by the reason."""

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def queued(self) -> int:
        return max(0, self.total - self.ended - self.running)

    @property
    def seconds_left(self) -> float | None:
        """The estimated seconds until all have ended, None if unknown."""
        return (self.total - self.ended) / self.rate if self.rate else None


class Tally:
    """Counts the futures that are added. Thread-safe. Ended futures are not kept.

    `expected` is the least number of futures, if more are to come than have been added.
    """

    note = ""
    """What is to be shown beside the counts."""

    def __init__(self, expected: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # guards all below
        self._expected = expected
        self._pending: set[Future[Any]] = set()
        self._succeeded = self._failed = self._cancelled = self._retries = 0
        self._before = 0
        self._failures: list[Failure] = []
        self._new_failures: deque[Failure] = deque(maxlen=MAX_NEW_FAILURES)
        self._started_at = clock()
        self._last_end: float | None = None
        self._working_since: float | None = None  # None before the first start: a pull does not count

    def add(self, future: Future[Any]) -> None:
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(self._end)

    def count_succeeded(self, number: int) -> None:
        """Counts runs that succeeded before. They do not count for the rate."""
        with self._lock:
            self._succeeded += number
            self._before += number

    def idle_for(self) -> float:
        """Seconds since the last future ended; negative while futures are pending or expected."""
        with self._lock:
            idle = not self._pending and self._ended >= self._expected
            return self._clock() - self._last_end if idle and self._last_end is not None else -1.0

    def new_failures(self) -> list[Failure]:
        """The failures since the last call."""
        with self._lock:
            failures = list(self._new_failures)
            self._new_failures.clear()
        return failures

    def counts(self) -> Counts:
        with self._lock:
            pending = self._pending.copy()
            ended = self._ended
            counts = Counts(
                total=max(self._expected, ended + len(pending)),
                succeeded=self._succeeded,
                failed=self._failed,
                cancelled=self._cancelled,
                retries=self._retries,
                failures=tuple(self._failures),
                note=self.note,
            )
        now = self._clock()
        return attrs.evolve(
            counts,
            running=sum(future.running() for future in pending),
            retries=counts.retries + sum(map(_retries, pending)),
            seconds=now - self._started_at,
            rate=self._rate(now, ended - self._before, pending),
            pending=_waits(pending),
        )

    @property
    def _ended(self) -> int:
        return self._succeeded + self._failed + self._cancelled

    def _rate(self, now: float, ended: int, pending: set[Future[Any]]) -> float | None:
        if self._working_since is None:
            if not ended and not any(map(_has_started, pending)):
                return None
            self._working_since = self._started_at if ended else now
        seconds = now - self._working_since
        return ended / seconds if ended and seconds >= MIN_RATE_WINDOW else None

    def _end(self, future: Future[Any]) -> None:
        cancelled = future.cancelled()
        failure = None if cancelled else _failure(future)
        retries = _retries(future)
        with self._lock:
            self._retries += retries
            self._pending.discard(future)
            self._last_end = self._clock()
            if cancelled:
                self._cancelled += 1
            elif failure is None:
                self._succeeded += 1
            else:
                self._failed += 1
                self._new_failures.append(failure)
                if len(self._failures) < MAX_KEPT_FAILURES:
                    self._failures.append(failure)


def _waits(futures: Iterable[Future[Any]]) -> dict[str, Waits]:
    """The pending runs of these futures by the reason, the most frequent one first."""
    found: dict[str, Waits] = {}
    for future in futures:
        handle = getattr(future, "handle", None)
        if (pending := pending_of(handle) if isinstance(handle, Handle) else None) is not None:
            before = found.get(pending.reason)
            found[pending.reason] = Waits(before.runs + 1 if before else 1, pending.message)
    return dict(sorted(found.items(), key=lambda item: -item[1].runs))


def _has_started(future: Future[Any]) -> bool:
    """Whether a future is doing its work: a run that is being started may still wait for an image."""
    return future.handle is not None if hasattr(future, "handle") else future.running()


def _retries(future: Future[Any]) -> int:
    """The attempts of a run beyond its first, the one that follows a pause included."""
    attempts: Sized = getattr(future, "attempts", ())
    return len(attempts) - 1 if future.done() and attempts else len(attempts)


def _failure(future: Future[Any]) -> Failure | None:
    """The failure of an ended future that was not cancelled; None if it succeeded."""
    outcome = getattr(future, "outcome", None)
    if isinstance(outcome, Outcome):
        return None if outcome.ok else Failure(name_of(future), why(outcome))
    error = future.exception()
    return None if error is None else Failure(name_of(future), why_not(error))
