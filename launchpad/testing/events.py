"""The event stream of the fake engine."""

from __future__ import annotations

import queue
from collections.abc import Iterable, Iterator

from ..core.backend import Exit
from ..core.retries import Transient
from .runs import FakeRun

HEARTBEAT_INTERVAL = 0.05
"""Seconds without an event after which the engine gives a sign of life."""


class FakeStream:
    """Yields the ends of runs, past and future ones, until it is closed or broken. Thread-safe."""

    def __init__(self, runs: Iterable[FakeRun]) -> None:
        self.closed = False
        self._events: queue.SimpleQueue[tuple[str, Exit] | Transient | None] = queue.SimpleQueue()
        for run in runs:
            self.report(run)

    def report(self, run: FakeRun) -> None:
        if run.exit is not None:
            self._events.put((run.handle.id, run.exit))

    def break_off(self, why: str) -> None:
        self._events.put(Transient(why))

    def __iter__(self) -> Iterator[tuple[str, Exit] | None]:
        while True:
            try:
                event = self._events.get(timeout=HEARTBEAT_INTERVAL)
            except queue.Empty:
                yield None
                continue
            if event is None:
                return
            if isinstance(event, Transient):
                raise event
            yield event

    def close(self) -> None:
        self.closed = True
        self._events.put(None)
