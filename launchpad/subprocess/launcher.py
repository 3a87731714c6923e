"""`SubprocessLauncher`: launches runs as processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import ClassVar

import attrs

from ..converters import StrPath, absolute, optional_path, working_dir
from ..core.arguments import check_run
from ..core.backend import Backend, Spec
from ..core.cancellation import StartLimiter, StopToken
from ..core.output import OnOutput
from ..core.session import Session
from ..entrypoints import local_command, parameters_environment
from ..errors import LaunchError
from ..launcher import Launcher, register_launcher
from ..models import Handle, Outcome, Run
from ..schema import PATH
from ..secret import constructor_hides_arguments, hidden
from ..starting import Detached, OnStart
from ..stdin import hidden_stdin
from ..text import quoted
from ..variables import identity
from . import spec as specs
from .backend import SubprocessBackend
from .watchdog import watchdog


class _ThisProcess(Session):
    """The one session of all subprocess launchers: any of them can wait for any child of this process.

    A pickled launcher has the session of the process that it is unpickled in.
    """

    def __reduce__(self) -> str:  # type: ignore[override]
        return "_THIS_PROCESS"


_THIS_PROCESS = _ThisProcess()


def _condaenv(value: StrPath | None) -> str | None:
    environment = optional_path(value, "condaenv")
    if environment is not None and environment.startswith("-"):
        raise ValueError(f"condaenv must be a name or a path, not {quoted(environment)}: conda takes it for an option")
    return environment


def _absolute_condaenv(value: str | None, folder: str) -> str | None:
    return value if value is None or not specs.is_conda_path(value) else absolute(value, folder)


def _virtualenv(value: StrPath | None) -> str | None:
    return optional_path(value, "virtualenv")


@register_launcher
@constructor_hides_arguments
@attrs.frozen(kw_only=True)
class SubprocessLauncher(Launcher):
    """Launches runs as local processes, each in its own session and process group.

    A run inherits this process's environment. `virtualenv` is the path of a virtualenv, `condaenv` the name or the path
    (`/…`, `./…`, `~…`) of a conda environment; only one may be set. `working_dir` must exist when a run is launched;
    `~` is expanded then.

    Stopping sends SIGTERM to all processes of a run, and SIGKILL after `grace` seconds: to its group, and to those that
    have left the group but have `LAUNCHPAD_RUN_ID` in their environment.
    """

    type: ClassVar[str] = "subprocess"
    connects_by: ClassVar[tuple[str, ...]] = ()
    instead_of_stdin: ClassVar[str | None] = None

    condaenv: str | None = attrs.field(default=None, converter=_condaenv, metadata={PATH: _absolute_condaenv})
    virtualenv: str | None = attrs.field(default=None, converter=_virtualenv, metadata={PATH: absolute})
    working_dir: str | None = attrs.field(default=None, converter=working_dir, metadata={PATH: absolute})
    _session: Session = attrs.field(init=False, eq=False, repr=False, factory=lambda: _THIS_PROCESS)

    def __attrs_post_init__(self) -> None:
        if self.condaenv is not None and self.virtualenv is not None:
            raise ValueError("condaenv and virtualenv are both set: a run uses one environment")

    def spec(self, run: Run, name: str) -> Spec:
        virtualenv = None if self.virtualenv is None else _absolute(os.path.expanduser(self.virtualenv))
        conda = self._conda_command()
        given = {**parameters_environment(run.entrypoint, run.parameters), **hidden(self.env), **hidden(run.env)}
        env: specs.Environment = {**given, **identity(run.id, run.env)}
        working_dir = run.working_dir or self.working_dir
        spec = specs.build(
            run.command or local_command(run.entrypoint, specs.python_of(virtualenv, conda)),
            env,
            working_dir=None if working_dir is None else os.path.expanduser(working_dir),
            virtualenv=virtualenv,
            conda=conda,
            search_path="" if virtualenv is None else _search_path(env),
            stdin=hidden_stdin(run.stdin),
        )
        return self._unbuffered(spec, run, self.stream_output)

    def _set_default(self, spec: Spec, variable: str, value: str) -> None:
        if variable not in os.environ:
            spec["env"].setdefault(variable, value)

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
        """Launches a run, which also ends when this process is killed, unless it is detached."""
        check_run(run)
        guard = watchdog() if detached is None else None
        place = None if guard is None else guard.expect(run.id, self.grace)
        if guard is None or place is None:
            return super()._launch(run, on_start, on_output, stop_token, limiter, note_start, attempt, detached)

        def started(handle: Handle) -> None:
            guard.note_start(place, handle.id)
            if note_start is not None:
                note_start(handle)

        try:
            return super()._launch(run, on_start, on_output, stop_token, limiter, started, attempt)
        finally:
            guard.forget(place)

    def close(self) -> None:
        """Does nothing: all launchers share this process's children, and nothing else is open."""

    def _conda_command(self) -> list[str] | None:
        if self.condaenv is None:
            return None
        return specs.conda_command(self.condaenv, os.environ.get("CONDA_EXE", "conda"))

    def connect(self) -> Backend:
        return SubprocessBackend()

    def names(self, run: Run) -> Iterator[str]:
        yield run.name

    def render(self, spec: Spec, *, reveal: bool) -> str:
        return specs.render(spec, reveal)


def _absolute(virtualenv: str) -> str:
    try:
        return os.path.abspath(virtualenv)
    except OSError:
        raise LaunchError(
            f"The virtualenv {virtualenv!r} cannot be found: this process's working directory was removed. "
            "Give an absolute path."
        ) from None


def _search_path(env: specs.Environment) -> str:
    """The PATH of a process that inherits this one's environment, changed by `env`."""
    return env.get("PATH", os.environ.get("PATH", os.defpath)) or ""
