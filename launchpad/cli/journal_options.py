"""The options of `launchpad batch` for a journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .options import usage_errors

if TYPE_CHECKING:
    from ..journal import Journal

Command = TypeVar("Command", bound=Callable[..., Any])


def journal_options(command: Command) -> Command:
    """Adds `--journal`, `--retry-failed` and `--dry-run`."""
    for option in (
        click.option("--dry-run", is_flag=True, help="With --journal: launch nothing, and print what would be done."),
        click.option("--retry-failed", is_flag=True, help="With --journal: launch again what has failed."),
        click.option(
            "--journal",
            "journal_path",
            metavar="PATH",
            type=click.Path(),
            help="Record the batch in this file, and go on where it was when it is begun again.",
        ),
    ):
        command = option(command)
    return command


def make_journal(path: str | None, retry_failed: bool, dry_run: bool) -> Journal | None:
    """The journal that the options describe. UsageError."""
    if path is None:
        if retry_failed or dry_run:
            raise click.UsageError(f"{'--retry-failed' if retry_failed else '--dry-run'} needs --journal")
        return None
    from ..journal import Journal

    with usage_errors():
        return Journal(path, retry_failed=retry_failed)
