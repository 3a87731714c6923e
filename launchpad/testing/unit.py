"""A unit of the fake engine."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence

from ..core.backend import Chunk, Exit, Unit
from ..core.watcher import Watcher
from ..errors import EngineUnavailable, LaunchError
from ..variables import attempt_number, attempt_of
from .runs import FakeRun

DRAIN_TIMEOUT = 0.1
"""Seconds to wait for more output after a run's end if its output is held open."""


class FakeUnit(Unit):
    """A unit whose end a Watcher reports, and whose output the polling thread reads.

    It waits for items of a queue, which is implemented in C: an interrupt can leave the lock of a Condition held.
    """

    def __init__(self, run: FakeRun, watcher: Watcher[Exit], check_reach: Callable[[], None], output: bool) -> None:
        self.handle = run.handle
        self.attempt = attempt_number(attempt_of(run.run.env))
        self._run = run
        self._watcher = watcher
        self._check_reach = check_reach
        self._read: int | None = 0 if output else None  # chunks; None: output is not wanted
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()  # an item after each change of the three below
        self._exit: Exit | None = None
        self._error: LaunchError | None = None
        self._woken = False
        run.wakes.append(self._wakes)
        watcher.register(self.handle.id, self)

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        self._wait_for(self._has_news, timeout)
        self._woken = False
        ended = self._exit  # read before the output, so that all output comes before the end
        chunks = self._take_output()
        if ended is not None:
            return chunks or self._last_output(timeout) or [ended]
        if self._error is not None and not chunks:
            raise EngineUnavailable(str(self._error)) from self._error.__cause__
        return chunks

    def has_ended(self) -> bool:
        return self._exit is not None

    def wake(self) -> bool:
        self._woken = True
        self._wakes.put(None)
        return True

    def terminate(self, grace: float) -> bool:
        self._check_reach()
        self._run.ask_to_stop()
        return True

    def kill(self) -> None:
        self._check_reach()
        self._run.finish(-9)

    def close(self) -> None:
        self._watcher.unregister(self.handle.id, self)
        self.fail(EngineUnavailable(f"Run {self._run.name!r} is not followed any more."))

    def notify(self, fact: Exit) -> None:
        self._exit = fact
        self._wakes.put(None)

    def fail(self, error: LaunchError) -> None:
        self._error = self._error or error
        self._wakes.put(None)

    def _wait_for(self, condition: Callable[[], bool], timeout: float | None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        while not condition():
            try:
                self._wakes.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
            except queue.Empty:
                return

    def _has_news(self) -> bool:
        return self._woken or self._exit is not None or self._error is not None or self._has_output()

    def _has_output(self) -> bool:
        return self._read is not None and self._read < len(self._run.output)

    def _take_output(self) -> list[Chunk]:
        if self._read is None:
            return []
        chunks = self._run.output[self._read :]
        self._read += len(chunks)
        return chunks

    def _last_output(self, timeout: float | None) -> list[Chunk]:
        """The output that comes after the end, if it is held open."""
        if self._read is not None and self._run.output_open:
            self._wait_for(self._has_output, DRAIN_TIMEOUT if timeout is None else min(DRAIN_TIMEOUT, timeout))
        return self._take_output()
