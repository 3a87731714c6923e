"""The part of a launcher that starts runs and follows them, for `launch`, `start` and `wait`."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import ClassVar

import attrs

from . import run_events
from .core.arguments import check_handle
from .core.backend import Backend, Spec
from .core.cancellation import StartLimiter, StopToken
from .core.name_conflicts import with_first_free_name
from .core.output import OnOutput, Sink, StreamCallback, discard, to_caller
from .core.screen import to_screen
from .core.session import Session
from .core.shortages import failure_of_start
from .core.supervisor import Supervisor
from .errors import EngineUnavailable, LaunchError
from .models import Handle, Outcome, Run
from .variables import ATTEMPT, ATTEMPT_LABEL, Attempt

OnStart = Callable[[Handle], object]


@attrs.frozen
class Detached:
    """A launch of a run that outlives this process: of a new one, or of the one with `handle`, which is followed."""

    handle: Handle | None = None


UNBUFFERED = "PYTHONUNBUFFERED"  # makes Python write its output without a buffer


class Starting(abc.ABC):
    """Starts runs on a launcher's engine, and follows them by supervisors, which its session keeps."""

    __slots__ = ()

    type: ClassVar[str]
    instead_of_stdin: ClassVar[str | None]
    env: dict[str, str | None]
    stream_output: bool
    grace: float
    _session: Session

    @abc.abstractmethod
    def spec(self, run: Run, name: str) -> Spec: ...

    @abc.abstractmethod
    def names(self, run: Run) -> Iterator[str]: ...

    @abc.abstractmethod
    def connect(self) -> Backend: ...

    def _backend(self) -> Backend:
        return self._session.backend(self.connect, self._connection_key)

    @abc.abstractmethod
    def _connection_key(self) -> Hashable: ...

    def _start(
        self,
        started: list[Supervisor],
        run: Run,
        output: bool,
        stop_token: StopToken,
        limiter: StartLimiter | None,
        *,
        detached: Detached | None = None,
        attempt: int | None = None,
    ) -> None:
        """Starts `run`, adds its Supervisor to `started`, where an interrupted caller finds it, and emits the event.

        With a handle in `detached`, it was started before.
        """
        try:
            self._check_stdin(run)
            with nullcontext() if limiter is None else limiter.slot(stop_token):
                started.append(self._session.add(self._supervised(run, output, stop_token, detached, attempt)))
        except (LaunchError, OSError, RuntimeError, MemoryError) as error:
            failure = failure_of_start(run.name, error)
            if isinstance(failure, LaunchError):
                run_events.emit_error(run, self.type, None, failure, attempt or 1)
            raise failure from error.__cause__ if failure is error else error
        run_events.emit_start(run, started[0].handle, attempt or 1)

    def _check_stdin(self, run: Run) -> None:
        if run.stdin is not None and self.instead_of_stdin is not None:
            raise LaunchError(
                f"{type(self).__name__} cannot give run {run.name!r} a standard input: {self.instead_of_stdin}."
            )

    def _unbuffered(self, spec: Spec, run: Run, output: bool) -> Spec:
        """Adds to `spec` that a Python which a command starts writes lines at once, if the output is followed."""
        if output and run.entrypoint is None and UNBUFFERED not in run.env and UNBUFFERED not in self.env:
            self._set_default(spec, UNBUFFERED, "1")  # for an entrypoint, launchpad.engine does that at a lower price
        return spec

    def _set_default(self, spec: Spec, variable: str, value: str) -> None:  # noqa: B027 - optional
        """Adds a variable of the environment to `spec`, unless it has the variable. Does nothing by default."""

    def _supervised(
        self, run: Run, output: bool, stop_token: StopToken, detached: Detached | None, attempt: int | None
    ) -> Supervisor:
        if detached is not None and detached.handle is not None:
            return self._adopted(run, detached.handle, output, stop_token, attempt)
        backend = self._backend()
        begin = partial(backend.start_detached, grace=self.grace) if detached else backend.start
        sent = run if attempt is None else numbered(run, attempt)

        def start(name: str) -> Supervisor:
            spec = self._unbuffered(self.spec(sent, name), sent, output)  # also if only an on_output follows it
            unit = begin(spec, name, sent, output=output, stop_token=stop_token)
            return Supervisor(unit, run, self.grace, self._timeout(run), self._session.stopper, attempt or 1)

        return with_first_free_name(self.names(sent), start)

    def _adopted(
        self, run: Run, handle: Handle, output: bool, stop_token: StopToken, attempt: int | None
    ) -> Supervisor:
        """The supervisor of a run that an earlier process has created. RunNotFound."""
        check_handle(handle, self.type)
        sent = run if attempt is None else numbered(run, attempt)
        spec = self._unbuffered(self.spec(sent, handle.name), sent, output)
        unit = self._backend().adopt(handle, spec, sent, output=output, stop_token=stop_token)
        return Supervisor(unit, run, self.grace, unit.deadline, self._session.stopper, attempt or 1)

    def _timeout(self, run: Run) -> float | None:
        return run.timeout

    def _supervisor(self, handle: Handle, output: bool) -> Supervisor:
        check_handle(handle, self.type)
        return self._session.follow(handle, lambda: self._backend().find(handle, output=output), self.grace)

    def _is_abandoned(self, handle: Handle) -> bool:
        """Whether the run was stopped and is gone, while a callback of its launch blocks."""
        return (supervisor := self._session.get(handle)) is not None and supervisor.abandoned

    def _wait(self, supervisor: Supervisor, sink: Sink, until: float | None = None) -> Outcome | None:
        try:
            return supervisor.wait(sink, until)
        except EngineUnavailable:  # the run may go on: the next call has to find it again
            self._session.forget(supervisor.handle)
            raise

    def _sink(self, run: Run, on_output: OnOutput | None) -> Sink:
        if on_output is None:
            return to_screen if self.stream_output else discard
        return on_output.write if isinstance(on_output, StreamCallback) else to_caller(run, on_output)


def numbered(run: Run, attempt: int) -> Run:
    """`run` with the number of the attempt in its environment and its labels, for the engine."""
    env, labels = {**run.env, ATTEMPT: Attempt(attempt)}, {**run.labels, ATTEMPT_LABEL: str(attempt)}
    return attrs.evolve(run, env=env, labels=labels)
