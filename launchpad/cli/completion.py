"""Completion of words on the command line, for shells."""

from __future__ import annotations

from pathlib import Path

import click

from ..launcher import known_launchers


def launchers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The types of launchers that start with `incomplete`."""
    return [name for name in known_launchers() if name.startswith(incomplete)]


def deployments(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names in the deployments file that start with `incomplete`; none if the file is missing or invalid."""
    from ..deployment import Deployment

    try:
        found = Deployment.load(context.params.get("file") or Path("deployments.yaml"))
    except (OSError, ValueError):
        return []
    return sorted(name for name in found if name.startswith(incomplete))
