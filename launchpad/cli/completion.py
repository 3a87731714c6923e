"""Completion of words on the command line, for shells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ..launcher import known_launchers


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


def _shown(names: Iterable[str], incomplete: str) -> list[str]:
    """The names that start with `incomplete`, but for those with control characters, which a shell would print."""
    return [name for name in names if name.startswith(incomplete) and name.isprintable()]
