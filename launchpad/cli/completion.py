"""Completion of words on the command line, for shells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ..errors import LaunchError
from ..launcher import known_launchers

RUNS_TIMEOUT = 2.0
"""Seconds that the launchers have to list their runs, while the user waits for a completion."""


def launchers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The types of launchers that start with `incomplete`."""
    return _shown(known_launchers(), incomplete)


def deployments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names in the deployments file that start with `incomplete`; none if the file is missing or invalid."""
    from ..deployment import Deployment

    try:
        found = Deployment.load(context.params.get("file") or Path("deployments.yaml"))
    except (OSError, ValueError):
        return []
    return sorted(_shown(found, incomplete))


def runs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names and ids of runs that start with `incomplete`, of the launchers that answer soon."""
    from .found import Launchers  # which imports the options of commands

    launchers = Launchers(context.params.get("kind"), context.params.get("settings") or ())
    try:
        found = [run for listed in launchers.listed(RUNS_TIMEOUT) for run in listed]
    except (LaunchError, click.ClickException):
        return []
    names, ids = {run.name for run in found}, {run.run_id for run in found}
    return sorted(_shown(names, incomplete)) + sorted(_shown(ids, incomplete) if incomplete else [])


def _shown(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that start with `incomplete`, but for those with control characters, which a shell would print."""
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]
