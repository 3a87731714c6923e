"""`Stopper`: carries out stops in a background thread when the waiting thread cannot be woken."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from .threads import start_thread

LONGEST_POLL = 3600.0
"""The longest wait in seconds that is passed to a system call: these do not accept weeks."""

OUTCOME_INTERVAL = 0.5
"""Seconds after which a thread that waits for the polling thread looks for the outcome: the other may be blocked."""

WATCH_INTERVAL = 1.0
"""Seconds after which the thread looks for stops that have ended, or were added without a wake-up."""

_logger = logging.getLogger("launchpad")


class Stop(Protocol):
    """The stop of one run."""

    @property
    def ended(self) -> bool:
        """Whether the run has ended, so that no step is due any more."""
        ...

    def take_due_step(self) -> float | None:
        """Takes the steps that are due, and returns when the next one is (monotonic seconds), or None."""
        ...


class Stopper:
    """Takes the steps of any number of stops, in one thread that runs while there are any. Thread-safe.

    A call may be interrupted at any point (Ctrl-C), so that no method holds a lock: `schedule` and `cancel` put the
    stop into a queue, which is implemented in C, and start the thread unless it is running.
    """

    def __init__(self, start_thread: Callable[..., object] = start_thread) -> None:
        self._start_thread = start_thread
        self._scheduled: queue.SimpleQueue[Stop | None] = queue.SimpleQueue()  # None: a wake-up
        self._watched: deque[tuple[float, Stop]] = deque()  # with the times of their next steps
        self._running = threading.Lock()  # held by the thread while it runs
        self._wakes_at = 0.0  # when the thread looks at `_watched` at the latest

    def schedule(self, stop: Stop) -> None:
        """Has the due steps of `stop` taken now, and the later ones when they are due."""
        try:
            self._scheduled.put(stop)
        finally:
            if not self._running.locked():
                try:
                    self._start_thread(self._work)
                except RuntimeError:  # the system has no room for another thread, so the caller does the work
                    self._work(here=True)

    def watch(self, stop: Stop, due: float) -> None:
        """Has the steps of `stop` taken from `due` (monotonic seconds) on, unless it ends before.

        It is cheap: it wakes the thread only if it must. If no thread can be started, a later call of `schedule` does
        the work.
        """
        self._watched.append((due, stop))
        if not self._running.locked():
            with suppress(RuntimeError):
                self._start_thread(self._work)
        elif due < self._wakes_at:
            self._scheduled.put(None)

    def cancel(self, stop: Stop) -> None:
        """Has the stop of a run that has ended forgotten."""
        if self._running.locked():
            self.schedule(stop)  # it has no further step

    def _work(self, here: bool = False) -> None:
        """Takes steps until none is left, or in the thread of a caller (`here`) until no stop is under way."""
        while (self._watched and not here) or not self._scheduled.empty():
            if not self._running.acquire(blocking=False):
                return
            try:
                self._take_steps(here)
            finally:
                self._running.release()  # a stop scheduled just before this started no thread: hence the loop

    def _take_steps(self, here: bool) -> None:
        due: dict[Stop, float] = {}
        under_way: set[Stop] = set()
        try:
            while due or self._watched or not self._scheduled.empty():
                for stop in self._next(due):
                    due[stop] = time.monotonic()
                    under_way.add(stop)
                    at = _take_step(stop)
                    if at is not None:
                        due[stop] = at
                    else:
                        del due[stop]
                        under_way.remove(stop)
                if here and not under_way and self._scheduled.empty():
                    self._watched.extend((at, stop) for stop, at in due.items())
                    return
        except BaseException:  # an interrupt of a caller that does the work: the next caller goes on with all
            for stop in due:
                self._scheduled.put(stop)
            raise

    def _next(self, due: dict[Stop, float]) -> Iterable[Stop]:
        """Waits for a stop that is scheduled, or until a step is due; returns the stops to attend to."""
        timeout = min(bounded_timeout(min(due.values())), WATCH_INTERVAL) if due else 0.0
        self._wakes_at = (
            time.monotonic() + timeout
        )  # before the look at `_watched`: `watch` uses them in the other order
        try:
            if (stop := self._scheduled.get(timeout=0.0 if self._watched else timeout)) is not None:
                return [stop]
        except queue.Empty:
            pass
        for stop in [stop for stop in due if stop.ended]:
            due[stop] = 0.0  # it has no further step
        while self._watched:
            at, stop = self._watched.popleft()
            due[stop] = min(at, due.get(stop, at))
        now = time.monotonic()
        return [stop for stop, at in due.items() if at <= now]


def _take_step(stop: Stop) -> float | None:
    try:
        return stop.take_due_step()
    except Exception:  # a defect, or an error of a logging filter; other stops must not suffer from it
        with suppress(Exception):
            _logger.exception("A step of a stop failed")
        return None


def bounded_timeout(until: float) -> float:
    """Seconds until `until` (monotonic seconds), at least 0 and at most LONGEST_POLL."""
    return min(max(0.0, until - time.monotonic()), LONGEST_POLL)
