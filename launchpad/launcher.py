"""`Launcher`, the base class of all launchers: it starts, follows, stops and removes runs on any engine.

A subclass defines what is sent to its engine (`spec`, `names`, `render`) and how to reach it (`connect`, `check`).
"""

from __future__ import annotations

import abc
import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import attrs

from . import converters
from .calls import Calling
from .converters import masked, seconds
from .core.arguments import check_callbacks, check_handle, check_run
from .core.backend import Backend, Spec
from .core.cancellation import StartLimiter, StopToken
from .core.cleanup import kill_after_error, passing_on, stop_after_error
from .core.error_boundary import error_boundary
from .core.interrupts import uninterrupted
from .core.output import OnOutput, discard
from .core.session import Session
from .core.supervisor import Supervisor
from .entrypoints import refuse_while_importing
from .errors import InvalidHandle, LaunchError, RunNotFound
from .housekeeping import Housekeeping
from .jupyter import html_table, kept_in_cell, shown_fields
from .models import Handle, Outcome, Run
from .registry import Registry
from .schema import DURATION
from .secret import hides_arguments
from .starting import Detached, OnStart, Starting

if TYPE_CHECKING:
    from typing_extensions import Self

    from .health import Health
    from .settings import LauncherSettings

LauncherClass = TypeVar("LauncherClass", bound="type[Launcher]")


@attrs.frozen(kw_only=True)
class Launcher(Starting, Housekeeping, Calling):
    """Where and how runs are launched. Frozen and compared by value; any number of threads may share one.

    `env` is set for every run (None removes a variable); a run's own `env` overrides it. `stream_output` prints the
    output of runs, unless there is an `on_output`. `grace` is the time in seconds between SIGTERM and SIGKILL when a
    run is stopped.

    The constructor does no I/O. The connection is opened on first use; `close()` closes it, and the next use opens
    another.
    """

    type: ClassVar[str] = ""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """What to use instead of some settings that this class does not have, for the error that names them."""
    connects_by: ClassVar[tuple[str, ...] | None] = None
    """The fields that decide which engine `connect` reaches; None: all that Launcher does not have.

    Like `engine_key`, it holds for the `connect` of the same class and is not inherited by one that has another.
    """

    instead_of_stdin: ClassVar[str | None] = "put it in a file that the run reads"
    """What to do instead of `Run.stdin`, for the error about a run that has it; None if runs can have it."""

    env: dict[str, str | None] = attrs.field(factory=dict, converter=converters.env, repr=masked)
    stream_output: bool = attrs.field(default=True, converter=converters.stream_output)
    grace: float = attrs.field(default=10.0, converter=converters.grace, metadata={DURATION: True})
    _session: Session = attrs.field(init=False, eq=False, repr=False, factory=Session)

    # To be defined by each launcher class:

    @abc.abstractmethod
    def spec(self, run: Run, name: str) -> Spec:
        """What is sent to the engine to start `run` as `name`: a plain dict, made without the engine and its SDK."""

    @abc.abstractmethod
    def names(self, run: Run) -> Iterator[str]:
        """The names to try for `run`, in order, while they are taken on the engine: at least one, and finitely many."""

    @abc.abstractmethod
    def render(self, spec: Spec, *, reveal: bool) -> str:
        """`spec` as text for `preview`. Unless `reveal`, it shows no value of the environment and no password."""

    @abc.abstractmethod
    def connect(self) -> Backend:
        """A new connection to the engine; the caller closes it. EngineUnavailable if its package is not installed."""

    def engine_key(self) -> Hashable:
        """Identifies the engine that `connect` reaches now: launchers with equal keys share one connection.

        It may read files, and raises what `connect` raises. By default None: such launchers share theirs with those
        that `replace` makes, and with no others.
        """
        return None

    def check(self) -> Health:
        """Whether this launcher can be used here and now, as `launchpad doctor` shows it. It may ask the engine.

        By default, the function `check(launcher)` in the module `check` of the launcher's package, or without such a
        module, whether a connection can be made.
        """
        from .health import default_check

        return default_check(self)

    def submit(self, run: Run, *, on_start: OnStart | None = None, on_output: OnOutput | None = None) -> bool:
        """Launches `run`, blocks until it has ended, and returns whether it succeeded. Thread-safe.

        True only for exit status 0 of a run that was not stopped; False for any other end, time-outs included.
        LaunchError if the run could not be launched. An exception that ends the call early (Ctrl-C, an error in
        `on_start`) stops the run first.

        `on_start(handle)` is called once, in this thread, before any waiting. `on_output(run, line)` is called with
        every line of stdout and stderr, in order and without its newline; then nothing is printed.
        """
        return self.launch(run, on_start=on_start, on_output=on_output).ok

    @error_boundary
    def launch(self, run: Run, *, on_start: OnStart | None = None, on_output: OnOutput | None = None) -> Outcome:
        """Does what `submit` does, and returns the whole Outcome: exit code, reason, message and so on."""
        return self._launch(run, on_start, on_output, StopToken(), None)

    @kept_in_cell
    def _launch(
        self,
        run: Run,
        on_start: OnStart | None,
        on_output: OnOutput | None,
        stop_token: StopToken,
        limiter: StartLimiter | None,
        note_start: OnStart | None = None,
        attempt: int | None = None,
        detached: Detached | None = None,
    ) -> Outcome:
        """Launches `run`. `stop_token` lets another thread stop it; `limiter` bounds how many starts go on at once.

        `note_start` is called before `on_start`, and does not block. `attempt` is the number of the attempt, if the run
        has a Retry. With `detached`, the run outlives this process.
        """
        check_run(run)
        check_callbacks(on_start=on_start, on_output=on_output)
        refuse_while_importing()
        started: list[Supervisor] = []
        output, sink = on_output is not None or self.stream_output, self._sink(run, on_output)
        try:
            start = partial(self._start, started, run, output, stop_token, limiter, attempt=attempt, detached=detached)
            uninterrupted(start, stop_token.stop)
            supervisor = started[0]
            with passing_on(stop_token, supervisor):
                _announce(supervisor, note_start, on_start)
                outcome = supervisor.wait(sink)
                assert outcome is not None  # no time limit was given
                return outcome
        except BaseException:
            try:  # first, since the next interrupt can only be raised after a call
                stop_after_error(started, stop_token, sink)
            except BaseException:
                kill_after_error(started)
            raise
        finally:
            for supervisor in started:
                self._session.forget(supervisor.handle)

    @error_boundary
    def start(self, run: Run) -> Handle:
        """Starts `run` and returns at once; `wait` returns its Outcome, `stop` ends it. LaunchError as in `submit`.

        The run outlives this process. With `stream_output`, its output is kept for `wait` and `logs`.
        """
        check_run(run)
        refuse_while_importing()
        stop_token, output, started = StopToken(), self.stream_output, list[Supervisor]()
        start = partial(self._start, started, run, output, stop_token, None, detached=Detached())
        try:
            uninterrupted(start, stop_token.stop)
        except BaseException:
            try:  # as in _launch
                stop_after_error(started, stop_token, discard)
            except BaseException:
                kill_after_error(started)
            for supervisor in started:
                self._session.forget(supervisor.handle)
                with suppress(LaunchError):  # the engine is out of reach
                    self._backend().remove(supervisor.handle)
            raise
        return started[0].handle

    @error_boundary
    @kept_in_cell
    def wait(self, handle: Handle, timeout: float | None = None, *, on_output: OnOutput | None = None) -> Outcome:
        """Blocks until the run has ended; a second call returns the same Outcome. Thread-safe.

        TimeoutError after `timeout` seconds; the run goes on. RunNotFound if the engine no longer knows the run,
        RunNotAvailable if the handle belongs to another engine. The handle may come from another process: the Run that
        `on_output` gets then has only its id and its name, and the name as its command.
        """
        check_callbacks(on_output=on_output)
        until = None if timeout is None else time.monotonic() + seconds(timeout, "timeout", zero=True)
        supervisor = self._supervisor(handle, on_output is not None or self.stream_output)
        if (outcome := self._wait(supervisor, self._sink(supervisor.run, on_output), until)) is None:
            raise TimeoutError(f"Run {handle.name!r} ({handle.id}) has not ended within {timeout:g} s; it goes on.")
        return outcome

    @error_boundary
    def stop(self, handle: Handle) -> None:
        """Stops the run: asks it to end, kills it after `grace` seconds, and returns when it is gone. Idempotent.

        In the run's own `on_output` it returns at once, and the run ends after that.
        """
        try:
            supervisor = self._supervisor(handle, False)
        except InvalidHandle:
            raise
        except RunNotFound:
            return
        supervisor.request_stop(grace=self.grace)
        if not supervisor.polled_here:
            self._wait(supervisor, self._sink(supervisor.run, None))

    @error_boundary
    def remove(self, handle: Handle) -> None:
        """Removes what an ended run has left on the engine. Idempotent. LaunchError while the run goes on."""
        check_handle(handle, self.type)
        self._backend().remove(handle)
        self._session.forget(handle)

    @error_boundary
    def preview(self, run: Run, *, reveal: bool = False) -> str:
        """What would be sent to the engine, as text, without asking it. Secrets are masked unless `reveal`."""
        check_run(run)
        self._check_stdin(run)
        return self.render(self.spec(run, next(self.names(run))), reveal=reveal)

    @hides_arguments
    def replace(self, **changes: Any) -> Self:
        """This launcher with other settings, which are checked as in the constructor. TypeError for an unknown one.

        Both share one connection, unless the changes lead to another engine. It is closed when the last launcher that
        shares it is closed.
        """
        from .settings import keys_of, unknown_setting  # as below

        cls = type(self)
        for key in changes:
            if key not in keys_of(cls):
                raise TypeError(unknown_setting(key, cls))
        other = attrs.evolve(self, **changes)
        names = beside(cls, "connect", "connects_by")
        if names is None:
            names = [key for key in keys_of(cls) if key not in keys_of(Launcher)]
        if all(getattr(other, name) == getattr(self, name) for name in names):
            other._session.share(self._session)
        return other

    def __copy__(self) -> Self:
        return self.replace()

    def to_settings(self) -> LauncherSettings:
        """This launcher as plain data for JSON or YAML, env values included. `from_settings` makes an equal one."""
        from .settings import LauncherSettings, unstructure  # takes 10 ms to import, and cattrs 60 ms

        if "type" not in vars(type(self)):
            raise ValueError(f"{type(self).__name__} has no type of its own: give it one and register it")
        return LauncherSettings(self.type, unstructure(self))

    @classmethod
    @hides_arguments
    def from_settings(cls, settings: LauncherSettings | Mapping[str, Any]) -> Self:
        """The launcher that `settings` describe: of any type if called on Launcher, else of the class's type.

        ValueError with one line for each invalid setting, which never shows a value of env.
        """
        from .settings import structure_launcher

        return structure_launcher(settings, cls, cls.type, lookup_launcher)

    def close(self) -> None:
        """Closes the connection to the engine, unless other launchers share it. The next use opens another. Idempotent.

        Waiting threads of this launcher then get EngineUnavailable; their runs go on.
        """
        self._session.close()

    def _repr_html_(self) -> str:
        return html_table(type(self).__name__, shown_fields(self))

    def _connection_key(self) -> Hashable:
        key = self.engine_key() if beside(type(self), "connect", "engine_key") else None
        return None if key is None else (self.type, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def beside(cls: type, hook: str, name: str) -> Any:
    """The attribute `name` that belongs to the `hook` of a class: it is defined by the same class, or by a lower one.

    None if there is none: a class that overrides the hook alone does not inherit what belongs to another.
    """
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
        if hook in vars(base):
            break
    return None


def _announce(supervisor: Supervisor, note_start: OnStart | None, on_start: OnStart | None) -> None:
    """Calls the callbacks of a start."""
    if note_start is not None:
        note_start(supervisor.handle)
    if on_start is not None:
        supervisor.prepare_for_block()
        on_start(supervisor.handle)


_REGISTRY: Registry[Launcher] = Registry(
    "launcher",
    "launchpad.launchers",
    {name: f"launchpad.{name}" for name in ("docker", "kubernetes", "subprocess", "universal")},
)


def register_launcher(cls: LauncherClass) -> LauncherClass:
    """Class decorator: makes a launcher class known by its `type`. ValueError if it has none or another class has it.

    A class of the same module and name replaces the earlier one, as when a module is reloaded.
    """
    _REGISTRY.register(cls)
    return cls


def lookup_launcher(name: str) -> type[Launcher]:
    """The launcher class of a type. ValueError that lists the known types."""
    return _REGISTRY.lookup(name)


def known_launchers() -> list[str]:
    """The types of launchers that can launch, sorted, including those of packages that are not imported yet."""
    return [name for name in _REGISTRY.names() if name != "universal"]
