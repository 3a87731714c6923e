"""`launchpad preview`: shows what `run` would send to the engine."""

from __future__ import annotations

import click

from .options import RunRequest, run_options, usage_errors


@click.command(
    context_settings={"allow_interspersed_args": False}, short_help="Show what run would send to the engine."
)
@run_options
@click.option("--reveal", is_flag=True, help="Show secrets, such as the values of environment variables.")
def preview(request: RunRequest, reveal: bool) -> int:
    """Show what `launchpad run` with the same options would send to the engine. The engine is not contacted."""
    launcher, run, _ = request.resolve()
    with usage_errors():
        text = launcher.preview(run, reveal=reveal)
    click.echo(text)
    return 0
