"""The base classes of an engine: `Backend`, the connection to it, and `Unit`, one started run.

A backend is the only code that imports its engine's SDK, and translates the SDK's errors into those of `errors`. It
makes no decisions: time-outs, grace, retries with another name and what counts as success belong to the callers.
`launchpad.testing.FakeBackend` replaces it in tests.
"""

from __future__ import annotations

import abc
from collections.abc import Generator, Sequence, Set
from datetime import datetime
from typing import Any, Literal, NamedTuple

import attrs

from ..errors import LaunchError
from ..models import Handle, Listed, Outcome, Reason, Run
from ..results import decode
from .cancellation import StopToken
from .pending import Pending

Spec = dict[str, Any]
"""The request to an engine that starts a run: plain data, made without I/O."""

StreamName = Literal["stdout", "stderr"]


class Chunk(NamedTuple):
    """Bytes that a run wrote. A chunk may end in the middle of a line, or of a character."""

    stream: StreamName
    data: bytes


@attrs.frozen(kw_only=True)
class Exit:
    """How a run ended, as the engine reports it. Whether launchpad stopped the run is not part of it.

    `output_complete` is False if some of the output is known to be lost. `result` is the report that `launchpad.engine`
    wrote, as bytes, or a text that says why there is none; None for a command, or if it is not known to be one.
    """

    exit_code: int | None
    reason: Reason
    message: str = ""
    hint: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    output_complete: bool = True
    result: bytes | str | None = attrs.field(default=None, repr=False)

    def outcome(self, handle: Handle, attempt: int = 1) -> Outcome:
        """The outcome of a run that ended so at this attempt."""
        result = decode(self.result)
        return Outcome(
            ok=self.reason is Reason.COMPLETED,
            exit_code=self.exit_code,
            reason=self.reason,
            message=self.message,
            hint=self.hint,
            handle=handle,
            started_at=self.started_at,
            ended_at=self.ended_at,
            output_complete=self.output_complete,
            value=result.value,
            value_error=result.value_error,
            error=result.error,
            attempt=attempt,
        )


class Unit(abc.ABC):
    """One started run, as this process follows it.

    One thread at a time polls a unit, and any thread may wake it. If `wake` returns False, other threads may call
    `has_ended`, `terminate` and `kill` from then on, until a poll has returned the Exit.
    """

    __slots__ = ()

    handle: Handle
    deadline: datetime | None = None
    """When the time-out of a run that was found ends, as its engine has recorded it."""

    attempt: int = 1
    """Which attempt a run that was found is, as its engine has recorded it."""

    @property
    def paused(self) -> bool:
        """Whether the time-out of the run stands still: the engine holds the run back. Each change ends a poll."""
        return False

    @abc.abstractmethod
    def poll(self, timeout: float | None) -> Sequence[Chunk | Pending | Exit]:
        """Waits at most `timeout` seconds (None: without a limit) for output, the end or a wake, and returns the news.

        An engine that knows why a started run waits adds a Pending, each time that this changes.

        The Exit comes after all output, and every later poll returns it again. The unit itself limits how long it waits
        for output after the end. After `terminate`, the Exit comes when no process of the run is left.
        EngineUnavailable if the engine can no longer report the run's state, and after `close`.
        """

    @abc.abstractmethod
    def has_ended(self) -> bool:
        """Whether the run is known to have ended, even if some of its output has not been read. Does not block."""

    @abc.abstractmethod
    def wake(self) -> bool:
        """Makes the current poll return, or else the next one; called by any thread. After `close`, it does nothing.

        False if the current poll cannot be woken: some units have polls that only the run's end ends, since those are
        cheaper.
        """

    def note_stop(self, reason: Reason) -> None:  # noqa: B027 - optional
        """Says why the run is about to be stopped, before `terminate`. By default nothing."""

    @abc.abstractmethod
    def terminate(self, grace: float) -> bool:
        """Asks the run to end, and returns at once. An engine that can kills it itself after `grace` seconds.

        False if the run turns out to have ended before. A run that is gone already is no error. Like `kill` and
        `has_ended`, it is called by the thread that polls, but for the exception above.
        """

    @abc.abstractmethod
    def kill(self) -> None:
        """Ends the run without asking it, and returns at once."""

    @abc.abstractmethod
    def close(self) -> None:
        """Frees what the unit holds in this process, and leaves the run as it is. Idempotent."""


class Backend(abc.ABC):
    """The connection to one engine, shared by all threads that launch on it."""

    __slots__ = ()

    engine: str
    """Distinguishes this engine from others of its type; part of every handle."""

    @abc.abstractmethod
    def start(self, spec: Spec, name: str, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        """Starts the run that `spec` describes, or leaves nothing behind. With `output`, its output can be read.

        NameConflict if `name` is taken, another LaunchError if the run cannot be started. Long steps (an image, a
        wait for a pod) raise Stopped as soon as `stop_token` is stopped.
        """

    def start_detached(
        self, spec: Spec, name: str, run: Run, *, output: bool, grace: float, stop_token: StopToken
    ) -> Unit:
        """Starts a run that goes on when this process ends. The engine enforces its time-out if it can, with `grace`.

        By default the same as `start`: most engines keep their runs themselves.
        """
        return self.start(spec, name, run, output=output, stop_token=stop_token)

    def find(self, handle: Handle, *, output: bool) -> Unit:
        """The unit of a run that was started before, by this process or another. RunNotFound, RunNotAvailable.

        By default a LaunchError: the engine cannot find its runs again.
        """
        raise self._cannot("find a run again")

    def adopt(self, handle: Handle, spec: Spec, run: Run, *, output: bool, stop_token: StopToken) -> Unit:
        """Does what `find` does, for a journal. A run that was created and never started is started, as `spec` says.

        By default the same as `find`: most engines create and start a run at once.
        """
        return self.find(handle, output=output)

    def starting(self) -> Set[str]:
        """The ids of runs that may be starting although their starter has died, and that `list_runs` may not have yet.

        By default none.
        """
        return frozenset()

    def remove(self, handle: Handle) -> None:
        """Removes what an ended run left on the engine. No error if nothing is left; LaunchError while the run goes on.

        By default a LaunchError: the engine cannot remove what its runs leave.
        """
        raise self._cannot("remove a run")

    def list_runs(self) -> list[Listed]:
        """The runs of launchpad on the engine, of all processes: those that go on, and those that have left something.

        Entries that launchpad did not make, or that were changed since, are left out or have None for what cannot be
        read. By default a LaunchError: the engine cannot list its runs.
        """
        raise self._cannot("list its runs")

    def logs(self, handle: Handle, *, follow: bool) -> Generator[Chunk, None, None]:
        """The output of a run that the engine has kept so far; with `follow`, that until its end too.

        It changes nothing about the run. RunNotFound and RunNotAvailable are raised by the call itself. Closing the
        generator frees what it holds. By default a LaunchError: the engine keeps no output.
        """
        raise self._cannot("show the output of a run again")

    @abc.abstractmethod
    def close(self) -> None:
        """Closes connections and ends threads. Threads that still wait for a run get EngineUnavailable. Idempotent."""

    def _cannot(self, what: str) -> LaunchError:
        """The error of an optional method that this engine does not have."""
        return LaunchError(f"The engine {self.engine!r} cannot {what}: {type(self).__name__} does not offer it.")
