"""The options that commands share, and the run and launcher that they describe."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from ..launcher import Launcher, lookup_launcher
from ..models import Run
from ..settings import structure
from . import arguments as values
from . import completion
from . import exit_codes as exits

Command = TypeVar("Command", bound=Callable[..., Any])


class InvalidInput(click.ClickException):
    """Invalid options or files of the user. Each line of the message describes a fault and how to mend it."""

    exit_code = exits.USAGE


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turns the errors that invalid settings, runs and files raise into InvalidInput."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise InvalidInput(str(error)) from error
    except OSError as error:
        raise InvalidInput(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error


def launcher_options(command: Command) -> Command:
    """Adds `--launcher` and `--set`."""
    for option in (
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            help="A setting of the launcher: JSON, or else text.",
        ),
        click.option(
            "--launcher",
            "kind",
            metavar="TYPE",
            shell_complete=completion.launchers,
            help="subprocess (the default), docker, kubernetes, or another.",
        ),
    ):
        command = option(command)
    return command


def make_launcher(kind: str | None, settings: tuple[str, ...]) -> Launcher:
    """The launcher that `--launcher` and `--set` describe. InvalidInput if they are wrong."""
    with usage_errors():
        cls = lookup_launcher(kind or "subprocess")
        return structure(values.settings(settings, cls), cls) if settings else cls()


_RUN_OPTIONS = (
    click.argument("command", nargs=-1, type=click.UNPROCESSED),
    click.option("--entrypoint", metavar="MODULE:FUNCTION", help="Run a Python function instead of a command."),
    click.option(
        "--deployment",
        metavar="NAME",
        shell_complete=completion.deployments,
        help="Run a deployment of the deployments file.",
    ),
    click.option(
        "-f",
        "--file",
        type=click.Path(path_type=Path),
        default=Path("deployments.yaml"),
        show_default=True,
        help="The deployments file.",
    ),
    click.option(
        "--param",
        "parameters",
        metavar="KEY=VALUE",
        multiple=True,
        help="A parameter of the function or deployment: JSON, or else text.",
    ),
    click.option("--name", help="The run's name."),
    click.option("--env", metavar="NAME=VALUE", multiple=True, help="A variable of the run's environment."),
    click.option("--timeout", type=float, metavar="SECONDS", help="Stop the run when it takes longer."),
    click.option("--working-dir", metavar="DIR", help="The working directory of the run."),
)


@attrs.frozen(kw_only=True)
class RunRequest:
    """The options of `run` and `preview`, unchecked."""

    command: tuple[str, ...] = ()
    entrypoint: str | None = None
    deployment: str | None = None
    file: Path
    parameters: tuple[str, ...] = ()
    name: str | None = None
    env: tuple[str, ...] = ()
    timeout: float | None = None
    working_dir: str | None = None
    kind: str | None = None
    settings: tuple[str, ...] = ()

    def resolve(self) -> tuple[Launcher, Run]:
        """The launcher and the run. InvalidInput if the options are wrong or conflict."""
        if sum(map(bool, (self.command, self.entrypoint, self.deployment))) != 1:
            raise click.UsageError("give one of these: a COMMAND, --entrypoint, or --deployment")
        if self.deployment:
            return self._deployed(self.deployment)
        launcher = make_launcher(self.kind, self.settings)
        with usage_errors():
            run = Run(
                command=list(self.command) or None,
                entrypoint=self.entrypoint,
                parameters=values.parameters(self.parameters),
                **self._changes({}),
            )
        return launcher, run

    def _deployed(self, name: str) -> tuple[Launcher, Run]:
        from ..deployment import Deployment

        if self.kind or self.settings:
            raise click.UsageError("--launcher and --set cannot be used with --deployment, which has its own launcher")
        with usage_errors():
            deployments = Deployment.load(self.file)
            try:
                deployment = deployments[name]
            except KeyError as error:
                raise ValueError(str(error)) from None
            run = deployment.make_run(**values.parameters(self.parameters))
            return deployment.launcher, attrs.evolve(run, **self._changes(run.env))

    def _changes(self, env: dict[str, str | None]) -> dict[str, Any]:
        """The fields of the run that options set; `env` is what `--env` adds variables to."""
        given = {"name": self.name, "timeout": self.timeout, "working_dir": self.working_dir}
        changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
        if self.env:
            changes["env"] = {**env, **dict(values.pairs(self.env, "--env"))}
        return changes


def run_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds all options that describe one run. The command receives them as `request`."""
    fields = {field.name for field in attrs.fields(RunRequest)}

    @functools.wraps(command)
    def wrapped(**given: Any) -> int:
        request = RunRequest(**{name: given.pop(name) for name in fields})
        return command(request, **given)

    for option in reversed(_RUN_OPTIONS):
        wrapped = option(wrapped)
    return launcher_options(wrapped)
