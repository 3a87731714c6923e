"""The part of a launcher that finds runs again, of all processes: `list_runs`, `logs` and `reap`."""

from __future__ import annotations

import abc
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import ClassVar

from .converters import seconds
from .core.arguments import check_handle
from .core.backend import Backend, Chunk, StreamName
from .core.error_boundary import error_boundary, simplified
from .core.output import Output
from .core.reaping import Action, action_for
from .core.starters import liveness_of
from .errors import LaunchError
from .models import Handle, Listed, Run
from .text import escaped

REAPERS = 8
"""Runs that are stopped and removed at a time."""


class Housekeeping(abc.ABC):
    """Lists the runs on a launcher's engine, shows their output, and removes what is left of them."""

    __slots__ = ()

    type: ClassVar[str]

    @abc.abstractmethod
    def stop(self, handle: Handle) -> None: ...

    @abc.abstractmethod
    def remove(self, handle: Handle) -> None: ...

    @abc.abstractmethod
    def _backend(self) -> Backend: ...

    @error_boundary
    def list_runs(self) -> list[Listed]:
        """The runs on the engine, of all processes: those that go on and those that are kept, oldest first.

        Thread-safe. EngineUnavailable if the engine does not answer; LaunchError if it cannot list its runs.
        """
        return sorted(self._backend().list_runs(), key=_age)

    @error_boundary
    def logs(self, handle: Handle, *, follow: bool = False) -> Iterator[str]:
        """The output of a run, line by line without newlines: the lines so far, or with `follow` those until its end.

        The run may have been started by another process, and goes on if the iterator is closed. Thread-safe, but for
        the iterator itself. RunNotFound if the engine no longer knows the run, LaunchError if it has kept no output.
        """
        check_handle(handle, self.type)
        return _lines(handle, self._backend().logs(handle, follow=follow))

    @error_boundary
    def reap(self, *, older_than: float | None = None, dry_run: bool = False) -> list[Handle]:
        """Removes the leftovers of runs whose starter has ended, and returns their handles. Thread-safe.

        These are runs that have ended, and those that go on after their time-out, which are stopped first. The starter
        is the process that started the run. One on another host, or of another boot of this one, counts as alive until
        the time-out of the run has passed. With `older_than`, in seconds, it counts as gone for runs that have ended,
        and only runs are removed that ended, or should have been stopped, longer ago than that.

        With `dry_run`, nothing is changed. LaunchError if some could not be removed; the others are removed.
        """
        age = None if older_than is None else timedelta(seconds=seconds(older_than, "older_than", zero=True))
        now = datetime.now(timezone.utc)
        chosen = [
            (run.handle, action) for run in self.list_runs() if (action := _action(run, age, now)) is not Action.KEEP
        ]
        if chosen and not dry_run:
            self._carry_out(chosen)
        return [handle for handle, _ in chosen]

    def _carry_out(self, chosen: Sequence[tuple[Handle, Action]]) -> None:
        with ThreadPoolExecutor(min(REAPERS, len(chosen)), "launchpad-reap") as pool:
            errors = [error for error in pool.map(lambda each: self._remove(*each), chosen) if error is not None]
        if errors:
            raise LaunchError(f"{len(errors)} of {len(chosen)} runs could not be removed: {errors[0]}")

    def _remove(self, handle: Handle, action: Action) -> LaunchError | None:
        try:
            if action is Action.STOP:
                self.stop(handle)
            self.remove(handle)
        except LaunchError as error:
            return error
        return None


def _action(run: Listed, older_than: timedelta | None, now: datetime) -> Action:
    return action_for(
        running=run.state == "running",
        starter=liveness_of(run.starter),
        deadline=run.deadline,
        ended_at=run.ended_at,
        older_than=older_than,
        now=now,
    )


def _age(run: Listed) -> tuple[float, str]:
    return (run.started_at.timestamp() if run.started_at else 0.0, run.run_id)


def _lines(handle: Handle, chunks: Generator[Chunk, None, None]) -> Iterator[str]:
    name = escaped(handle.name)  # that of another process: any text
    output, lines = Output(Run(command=[name or "run"], name=name)), list[str]()

    def take(stream: StreamName, more: list[str]) -> None:
        lines.extend(more)

    output.sink = take
    with closing(chunks):
        try:
            for chunk in chunks:
                output.write(chunk)
                output.pass_on_states(time.monotonic())
                yield from lines
                lines.clear()
        except LaunchError as error:
            raise simplified(error) from error.__cause__
    output.finish()
    yield from lines
