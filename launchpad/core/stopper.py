"""Who takes the steps of a stop where the thread that waits for the run cannot be woken to take them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from _thread import start_new_thread
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

LONGEST_POLL = 3600.0
"""The most seconds that one wait is asked to take: the system calls below it do not take weeks."""

_logger = logging.getLogger("launchpad")


class Stop(Protocol):
    """A stop that is under way."""

    def step(self) -> float | None:
        """Takes the step that is due, if one is, and gives when the next will be (monotonic seconds), if ever."""
        ...


class Stopper:
    """Takes steps of any number of stops, in one thread that lives while there are any to take. Thread-safe.

    Who asks may be interrupted at any point (Ctrl-C), so he holds no lock here: he puts the stop into a queue, in C,
    and starts the thread where none is at work.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Stop] = queue.SimpleQueue()
        self._at_work = threading.Lock()  # held by the thread

    def schedule(self, stop: Stop) -> None:
        """Has a step of `stop` taken now, and others when they are due. Asked anew, now again."""
        try:
            self._asked.put(stop)
        finally:
            if not self._at_work.locked():
                self._start()

    def cancel(self, stop: Stop) -> None:
        """Has a step of `stop` taken now, if others of it may be to come."""
        if self._at_work.locked():
            self.schedule(stop)

    def _start(self) -> None:
        try:
            start_new_thread(self._work, ())
        except RuntimeError:  # the system has no room for another one: then who asks has to wait
            self._work()

    def _work(self) -> None:
        while not self._asked.empty() and self._at_work.acquire(blocking=False):
            try:
                self._take_steps()
            finally:
                self._at_work.release()  # who asked just before it started no thread: hence another look

    def _take_steps(self) -> None:
        due: dict[Stop, float] = {}
        try:
            while due or not self._asked.empty():
                for stop in self._next(due):
                    due[stop] = time.monotonic()
                    at = _step(stop)
                    if at is None:
                        del due[stop]
                    else:
                        due[stop] = at
        except BaseException:  # an interrupt, where who asks does it himself: who asks next goes on with all
            for stop in due:
                self._asked.put(stop)
            raise

    def _next(self, due: dict[Stop, float]) -> Iterable[Stop]:
        """Waits for the next stops to see to: one that asks, or those whose time has come."""
        try:
            return [
                self._asked.get_nowait() if not due else self._asked.get(timeout=bounded_timeout(min(due.values())))
            ]
        except queue.Empty:
            now = time.monotonic()
            return [stop for stop, at in due.items() if at <= now]


def _step(stop: Stop) -> float | None:
    try:
        return stop.step()
    except Exception:  # a defect, or a logging filter's; the other stops are not to suffer for it
        with suppress(Exception):
            _logger.exception("A step of a stop failed")
        return None


def bounded_timeout(until: float) -> float:
    """Seconds that may be waited at once, if there is something to do at `until` (monotonic seconds)."""
    return min(max(0.0, until - time.monotonic()), LONGEST_POLL)
