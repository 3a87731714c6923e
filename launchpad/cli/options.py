"""The options that commands share, and the run and launcher that they describe."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from ..launcher import Launcher, known_launchers, lookup_launcher
from ..limits import shown
from ..models import Run
from ..retry import Retry
from ..suggestions import did_you_mean
from . import arguments as values
from . import completion, durations, variables
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


def container_options(command: Command) -> Command:
    """Adds `--image` and `--volume`."""
    for option in (
        click.option(
            "--volume",
            "volumes",
            metavar="SOURCE:TARGET[:OPTIONS]",
            multiple=True,
            help="A volume of the container. Needs --launcher docker.",
        ),
        click.option("--image", help="The image of the container. Needs --launcher docker or kubernetes."),
    ):
        command = option(command)
    return command


def make_launcher(
    kind: str | None, settings: tuple[str, ...], image: str | None = None, volumes: tuple[str, ...] = ()
) -> Launcher:
    """The launcher that the options describe. InvalidInput or a UsageError if they are wrong."""
    with usage_errors():
        cls = _launcher_class(kind or "subprocess")
        given = values.settings(settings, cls)
        if image is not None:
            given["image"] = image
            _check_setting(cls, "image", "--image")
        if volumes:
            given["volumes"] = [*values.texts(given.get("volumes")), *volumes]
            _check_setting(cls, "volumes", "--volume")
        if not given:
            return cls()
        from ..settings import structure  # takes 3 ms to import, with json

        return structure(given, cls)


def _launcher_class(kind: str) -> type[Launcher]:
    """The launcher class of a type. ValueError that lists the types that can launch runs."""
    try:
        return lookup_launcher(kind)
    except ValueError:
        if kind in (known := known_launchers()):
            raise
        near = did_you_mean(kind, known)
        raise ValueError(f"unknown launcher type {shown(kind)}; known are: {', '.join(known)}{near}") from None


def _check_setting(cls: type[Launcher], key: str, option: str) -> None:
    from ..settings import keys_of

    if key not in keys_of(cls):
        raise click.UsageError(f"{option} cannot be used with {cls.__name__}: use --launcher docker")


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
    click.option(
        "-e",
        "--env",
        metavar="NAME[=VALUE]",
        multiple=True,
        help="A variable of the run's environment; NAME alone passes on the one of this environment.",
    ),
    click.option(
        "--env-file",
        "env_files",
        metavar="FILE",
        multiple=True,
        help="A file of variables, NAME=VALUE or NAME a line. --env overrides it.",
    ),
    click.option(
        "--timeout",
        callback=durations.of_option,
        metavar="DURATION",
        help="Stop the run when it takes longer: seconds, or 30s, 5m, 2h.",
    ),
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
    env_files: tuple[str, ...] = ()
    timeout: float | None = None
    working_dir: str | None = None
    kind: str | None = None
    settings: tuple[str, ...] = ()
    image: str | None = None
    volumes: tuple[str, ...] = ()

    def resolve(self) -> tuple[Launcher, Run, Retry | None]:
        """The launcher, the run and how it is retried. InvalidInput if the options are wrong or conflict."""
        if sum(map(bool, (self.command, self.entrypoint, self.deployment))) != 1:
            raise click.UsageError("give one of these: a COMMAND, --entrypoint, or --deployment")
        if self.deployment:
            return self._deployed(self.deployment)
        launcher = make_launcher(self.kind, self.settings, self.image, self.volumes)
        with usage_errors():
            run = Run(
                command=list(self.command) or None,
                entrypoint=self.entrypoint,
                parameters=values.parameters(self.parameters),
                **self._changes({}),
            )
        return launcher, run, None

    def _deployed(self, name: str) -> tuple[Launcher, Run, Retry | None]:
        from ..deployment import Deployment

        if self.kind or self.settings or self.image or self.volumes:
            raise click.UsageError(
                "--launcher and --set cannot be used with --deployment, which has its own launcher; "
                "nor can --image and --volume"
            )
        with usage_errors():
            deployments = Deployment.load(self.file)
            try:
                deployment = deployments[name]
            except KeyError as error:
                raise ValueError(str(error)) from None
            run = deployment.make_run(**values.parameters(self.parameters))
            return deployment.launcher, attrs.evolve(run, **self._changes(run.env)), deployment.retry

    def _changes(self, env: dict[str, str | None]) -> dict[str, Any]:
        """The fields of the run that options set; `env` is what `--env` adds variables to."""
        given = {"name": self.name, "timeout": self.timeout, "working_dir": self.working_dir}
        changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
        if self.env or self.env_files:
            from_files = variables.in_files(self.env_files, os.environ)
            changes["env"] = {**env, **from_files, **variables.given(self.env, os.environ)}
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
    return launcher_options(container_options(wrapped))
