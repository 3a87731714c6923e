"""`launchpad doctor`: which launchers can be used here, and what to do about the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from functools import partial

import attrs
import click

from ..errors import LaunchError
from ..health import Health
from ..launcher import Launcher, known_launchers
from ..text import one_line
from . import exit_codes as exits
from .answers import ANSWER_TIMEOUT, answers
from .options import launcher_options, make_launcher

UNBOUNDED_WIDTH = 10_000
"""Columns of a table outside a terminal, so that its lines are not wrapped."""


@click.command(short_help="Check which launchers can be used here.")
@launcher_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with a key for each launcher.")
def doctor(kind: str | None, settings: tuple[str, ...], as_json: bool) -> int:
    """Check whether each launcher can be used here, and say what to do if not.

    Exits with 0 if at least one can be used; with --launcher TYPE, if that one can. --set needs --launcher.
    """
    if settings and kind is None:
        raise click.UsageError("--set needs --launcher")
    if kind is not None:
        launcher = make_launcher(kind, settings)
        found = examine([(kind, lambda: launcher)])
    else:
        found = examine((name, partial(make_launcher, name, ())) for name in known_launchers())
    if as_json:
        click.echo(json.dumps({name: attrs.asdict(health) for name, health in found.items()}, indent=2))
    else:
        _show(found)
    return 0 if any(health.usable for health in found.values()) else exits.FAILED


def examine(
    launchers: Iterable[tuple[str, Callable[[], Launcher]]], timeout: float = ANSWER_TIMEOUT
) -> dict[str, Health]:
    """The health of each launcher. All are checked at the same time.

    A launcher that does not answer within `timeout` seconds is not usable.
    """
    asked = [(name, partial(_health, make)) for name, make in launchers]
    late = Health(usable=False, detail=f"It has not answered within {timeout:g} s.")
    return {name: late for name, _ in asked} | dict(answers(asked, timeout))


def _health(make: Callable[[], Launcher]) -> Health:
    try:
        with make() as launcher:
            return launcher.check()
    except LaunchError as error:
        return Health(usable=False, detail=str(error))
    except click.ClickException as error:
        return Health(usable=False, detail=error.message)
    except Exception as error:
        return Health(usable=False, detail=f"The check failed: {type(error).__name__}: {error}")


def _show(found: dict[str, Health]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("launcher", "usable", "version", "what was found, and what to do"):
        table.add_column(heading, overflow="fold")
    usable = {True: Text("yes", "green"), False: Text("no", "red")}
    for name, health in found.items():
        version, detail, advice = (one_line(text) for text in (health.version, health.detail, health.advice))
        words = Text("\n").join([Text(text, style) for text, style in ((detail, ""), (advice, "yellow")) if text])
        table.add_row(Text(name, "bold"), usable[health.usable], Text(version), words)
    Console(highlight=False, width=None if sys.stdout.isatty() else UNBOUNDED_WIDTH).print(table)
