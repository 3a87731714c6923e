"""`Stopper`: carries out stops in a background thread when the waiting thread cannot be woken."""

from __future__ import annotations

import logging
import queue
import threading
import time
from _thread import start_new_thread
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

LONGEST_POLL = 3600.0
"""The longest wait in seconds that is passed to a system call: these do not accept weeks."""

_logger = logging.getLogger("launchpad")


class Stop(Protocol):
    """The stop of one run."""

    def take_due_step(self) -> float | None:
        """Takes the steps that are due, and returns when the next one is (monotonic seconds), or None."""
        ...


class Stopper:
    """Takes the steps of any number of stops, in one thread that runs while there are any. Thread-safe.

    A call may be interrupted at any point (Ctrl-C), so `schedule` and `cancel` hold no lock: they put the stop into a
    queue, which is implemented in C, and start the thread unless it is running.
    """

    def __init__(self, start_thread: Callable[..., object] = start_new_thread) -> None:
        self._start_thread = start_thread
        self._scheduled: queue.SimpleQueue[Stop] = queue.SimpleQueue()
        self._running = threading.Lock()  # held by the thread while it runs

    def schedule(self, stop: Stop) -> None:
        """Has the due steps of `stop` taken now, and the later ones when they are due."""
        try:
            self._scheduled.put(stop)
        finally:
            if not self._running.locked():
                self._start()

    def watch(self, stop: Stop) -> None:
        """Does the same, but never takes the steps in the calling thread: without a thread, none are taken now."""
        self._scheduled.put(stop)
        if not self._running.locked():
            with suppress(RuntimeError):
                self._start_thread(self._work, ())

    def cancel(self, stop: Stop) -> None:
        """Has the stop of a run that has ended forgotten."""
        if self._running.locked():
            self.schedule(stop)  # it has no further step

    def _start(self) -> None:
        try:
            self._start_thread(self._work, ())
        except RuntimeError:  # the system has no room for another thread, so the caller does the work
            self._work()

    def _work(self) -> None:
        while not self._scheduled.empty() and self._running.acquire(blocking=False):
            try:
                self._take_steps()
            finally:
                self._running.release()  # a stop scheduled just before this started no thread: hence the loop

    def _take_steps(self) -> None:
        due: dict[Stop, float] = {}
        try:
            while due or not self._scheduled.empty():
                for stop in self._next(due):
                    due[stop] = time.monotonic()
                    at = _take_step(stop)
                    if at is None:
                        del due[stop]
                    else:
                        due[stop] = at
        except BaseException:  # an interrupt of a caller that does the work: the next caller goes on with all
            for stop in due:
                self._scheduled.put(stop)
            raise

    def _next(self, due: dict[Stop, float]) -> Iterable[Stop]:
        """Waits for a stop that is scheduled, or until a step is due; returns the stops to attend to."""
        try:
            timeout = bounded_timeout(min(due.values())) if due else 0
            return [self._scheduled.get(timeout=timeout)]
        except queue.Empty:
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
