"""A unit of the fake engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..backend import Chunk, Exit
from ..errors import EngineUnavailable, LaunchError
from ..watcher import Watcher
from .runs import FakeRun

DRAIN = 0.1
"""Seconds after a run's end for which more output is awaited where something holds it open."""


class FakeUnit:
    """A unit whose end is told by a Watcher, and whose output is read by the thread that polls."""

    def __init__(self, run: FakeRun, watcher: Watcher[Exit], check_reach: Callable[[], None], output: bool) -> None:
        self.handle = run.handle
        self._check_reach = check_reach
        self._run = run
        self._watcher = watcher
        self._read: int | None = 0 if output else None  # chunks; None: output is not wanted
        self._exit: Exit | None = None  # this and the next two: guarded by run.changed
        self._error: LaunchError | None = None
        self._woken = False
        watcher.register(self.handle.id, self)

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        with self._run.changed:
            self._run.changed.wait_for(self._has_news, timeout)
            self._woken = False
            chunks = self._take_output()
            if self._exit is not None:
                return chunks or self._last_output(timeout) or [self._exit]
            if self._error is not None and not chunks:
                raise EngineUnavailable(str(self._error)) from self._error
            return chunks

    def has_ended(self) -> bool:
        return self._exit is not None

    def wake(self) -> None:
        with self._run.changed:
            self._woken = True
            self._run.changed.notify_all()

    def terminate(self, grace: float) -> None:
        self._check_reach()
        self._run.ask_to_stop()

    def kill(self) -> None:
        self._check_reach()
        self._run.finish(-9)

    def close(self) -> None:
        self._watcher.unregister(self.handle.id, self)
        self.fail(EngineUnavailable(f"Run {self._run.name!r} is not followed any more."))

    def notify(self, fact: Exit) -> None:
        with self._run.changed:
            self._exit = fact
            self._run.changed.notify_all()

    def fail(self, error: LaunchError) -> None:
        with self._run.changed:
            self._error = self._error or error
            self._run.changed.notify_all()

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
        """What comes late, where the output is held open after the end."""
        if self._read is not None and self._run.output_open:
            self._run.changed.wait_for(self._has_output, DRAIN if timeout is None else min(DRAIN, timeout))
        return self._take_output()
