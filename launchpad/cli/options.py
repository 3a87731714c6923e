"""The options that commands share, and the run and the launcher that they ask for."""

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


class Refused(click.ClickException):
    """Something in what the user gave us is wrong; each line of the message says what and how to put it right."""

    exit_code = exits.USAGE


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turns the ValueErrors of settings, runs and files, and what a file's opening raises, into Refused."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise Refused("\n".join(line.removesuffix(" @ $") for line in str(error).splitlines())) from error
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error


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
    """The launcher that `--launcher` and `--set` describe. Refused where they are wrong."""
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
    click.option("--working-dir", metavar="DIR", help="Where the run works."),
)


@attrs.frozen(kw_only=True)
class Asked:
    """What the options of `run` and `preview` say, as they were given."""

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
        """The launcher and the run. Refused where the options are wrong or do not go together."""
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
            raise click.UsageError("--launcher and --set do not go with --deployment, which has a launcher of its own")
        with usage_errors():
            deployments = Deployment.load(self.file)
            if name not in deployments:
                raise ValueError(
                    f"{self.file} has no deployment {name!r}; it has: {', '.join(sorted(deployments)) or 'none'}"
                )
            run = deployments[name].make_run(**values.parameters(self.parameters))
            return deployments[name].launcher, attrs.evolve(run, **self._changes(run.env))

    def _changes(self, env: dict[str, str | None]) -> dict[str, Any]:
        """What the options say of the run itself; `env` is what the variables are added to."""
        given = {"name": self.name, "timeout": self.timeout, "working_dir": self.working_dir}
        changes: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
        if self.env:
            changes["env"] = {**env, **dict(values.pairs(self.env, "--env"))}
        return changes


def run_options(command: Callable[..., int]) -> Callable[..., int]:
    """Adds all options that describe one run; the command gets them as `asked`."""
    fields = {field.name for field in attrs.fields(Asked)}

    @functools.wraps(command)
    def wrapped(**given: Any) -> int:
        asked = Asked(**{name: given.pop(name) for name in fields})
        return command(asked, **given)

    for option in reversed(_RUN_OPTIONS):
        wrapped = option(wrapped)
    return launcher_options(wrapped)
