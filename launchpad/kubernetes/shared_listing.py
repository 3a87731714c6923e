"""One listing of all pods in place of a request for each run, for runs that miss news of theirs."""

from __future__ import annotations

import threading
from typing import Protocol

from ..net.wakeup import CLOCK, Clock

FEW = 2
"""How many runs request their own pods: a listing of all takes two requests, itself and the next watch."""

LONGEST_DELAY = 10
"""How many times its time-out a run waits at most while the watch goes on to report others."""

LISTING_TIMEOUT = 30.0
"""Seconds after which a listing is requested again."""

_MEMORY = 60.0
"""Seconds for which a listing delays the next ones. Each time that they follow one another, the delay doubles."""

_MOST = 8
"""The largest delay between two listings, in time-outs."""


class Listable(Protocol):
    """A watch that can list again."""

    moved_at: float
    """When (monotonic seconds) it reported an object for the last time."""

    def list_again(self) -> None:
        """Has the watch list all objects as soon as possible. Called by any thread."""


class SharedListing:
    """Decides when runs that miss news request it. Thread-safe.

    News is late where the server or this process is busy. While the watch reports anything, it is on its way.
    """

    def __init__(self, watch: Listable, clock: Clock = CLOCK) -> None:
        self._watch = watch
        self._clock = clock
        self._lock = threading.Lock()  # guards all below
        self._waiting: set[str] = set()
        self._requested_at = float("-inf")
        self._spacing = 1

    def wait(self, name: str) -> None:
        """Counts a run as one that misses news."""
        with self._lock:
            self._waiting.add(name)

    def leave(self, name: str) -> None:
        """Counts it no longer. Idempotent."""
        with self._lock:
            self._waiting.discard(name)

    def due(self, at: float, timeout: float) -> float:
        """When (monotonic seconds) a run may request what it would request at `at` from a watch that stands still."""
        with self._lock:
            spaced = self._requested_at + timeout * self._spacing
        return min(max(at, self._watch.moved_at + timeout, spaced), at + timeout * LONGEST_DELAY)

    def request(self, since: float) -> bool:
        """Requests a listing of all, unless one that begins after `since` is under way. False if only few runs wait."""
        with self._lock:
            now = self._clock.now()
            if self._requested_at >= since and now < self._requested_at + LISTING_TIMEOUT:
                return True
            if len(self._waiting) <= FEW:
                return False
            recent = now < self._requested_at + _MEMORY
            self._spacing = min(_MOST, 2 * self._spacing) if recent else 1
            self._requested_at = now
        self._watch.list_again()
        return True
