"""`launchpad ps` and `launchpad reap`: the containers of runs on the Docker Engine."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from ..text import escaped

if TYPE_CHECKING:
    from ..docker.housekeeping import Container


_with_label = click.option(
    "--label",
    "labels",
    metavar="KEY[=VALUE]",
    multiple=True,
    help="Only containers with this label. Given several times: with all of them.",
)


@click.command(short_help="Show the containers of runs on the Docker Engine.")
@_with_label
def ps(labels: tuple[str, ...]) -> int:
    """Show the containers of runs on the Docker Engine: running and kept ones."""
    from ..docker import DockerLauncher
    from ..docker.housekeeping import containers

    with closing(DockerLauncher().connect()) as engine:
        _show(containers(engine, labels))
    return 0


@click.command(short_help="Remove the containers of ended runs from the Docker Engine.")
@_with_label
def reap(labels: tuple[str, ...]) -> int:
    """Remove the containers of ended runs from the Docker Engine.

    Also kills and removes containers whose time-out passed more than five minutes ago: their launcher is gone.
    """
    from ..docker import DockerLauncher
    from ..docker.housekeeping import reap as remove_what_is_over

    with closing(DockerLauncher().connect()) as engine:
        removed = remove_what_is_over(engine, labels)
    _show(removed)
    click.echo(f"{len(removed)} removed", err=True)
    return 0


def _show(found: list[Container]) -> None:
    for container in found:
        words = (container.id[:12], container.name, container.image, container.status)
        click.echo("  ".join(escaped(word) for word in words))
