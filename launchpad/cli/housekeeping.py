"""`launchpad ps`, `logs`, `wait`, `stop` and `reap`: the runs that any process has started, on all engines."""

from __future__ import annotations

import attrs
import click

from ..converters import seconds
from ..core.screen import to_screen
from ..errors import LaunchError
from ..live.text import why
from ..models import Listed
from . import completion, durations
from . import exit_codes as exits
from .found import Launchers
from .messages import print_message
from .options import launcher_options
from .outcome import print_json

_the_run = click.argument("run", shell_complete=completion.runs)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an object for each run.")


@click.command(short_help="List the runs, also those of other processes.")
@launcher_options
@_as_json
def ps(kind: str | None, settings: tuple[str, ...], as_json: bool) -> int:
    """List the runs that go on, and the ended ones that are kept.

    Without --launcher, the runs of all launchers that answer. --set needs --launcher.
    """
    _show(Launchers(kind, settings).all(), as_json)
    return 0


@click.command(short_help="Print the output of a run.")
@_the_run
@launcher_options
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
def logs(run: str, kind: str | None, settings: tuple[str, ...], follow: bool) -> int:
    """Print the output of RUN so far: its name, its id, or a beginning that no other run has.

    Ctrl-C ends the command, and the run goes on.
    """
    launchers = Launchers(kind, settings)
    handle = launchers.find(run).handle
    with launchers.make(handle.type) as launcher:
        for line in launcher.logs(handle, follow=follow):
            to_screen("stdout", [line])
    return 0


@click.command(short_help="Wait until a run has ended; exit with its status.")
@_the_run
@launcher_options
@click.option("--json", "as_json", is_flag=True, help="Print the outcome to stdout as a JSON object.")
def wait(run: str, kind: str | None, settings: tuple[str, ...], as_json: bool) -> int:
    """Wait until RUN has ended, and exit with its status: its name, its id, or a beginning that no other run has.

    Also: 124 when its time-out has stopped it, 125 when it is not found, 128 + n when signal n ended it.
    Ctrl-C ends the command, and the run goes on.
    """
    launchers = Launchers(kind, settings)
    found = launchers.find(run)
    with attrs.evolve(launchers.make(found.handle.type), stream_output=False) as launcher:
        follow = (lambda run, line: None) if as_json else None  # for the last lines of the outcome
        outcome = launcher.wait(found.handle, on_output=follow)
    if as_json and not print_json(outcome):
        return exits.FAILED
    if not exits.is_self_explanatory(outcome):
        print_message(f"{found.name}: {why(outcome).removesuffix(':')}")
    return exits.of_outcome(outcome)


@click.command(short_help="Stop a run.")
@_the_run
@launcher_options
def stop(run: str, kind: str | None, settings: tuple[str, ...]) -> int:
    """Stop RUN: its name, its id, or a beginning that no other run has. Nothing happens if it has ended.

    It is asked to end, and killed after the grace of its launcher (--launcher TYPE --set grace=30s).
    """
    launchers = Launchers(kind, settings)
    handle = launchers.find(run).handle
    with launchers.make(handle.type) as launcher:
        launcher.stop(handle)
    return 0


def _age(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    age = durations.of_option(context, option, value)
    try:
        return None if age is None else seconds(age, "the age", zero=True)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(short_help="Remove the leftovers of runs whose starter has ended.")
@launcher_options
@click.option("--dry-run", is_flag=True, help="Remove nothing; list what would be removed.")
@click.option(
    "--older-than",
    callback=_age,
    metavar="DURATION",
    help="Only what ended longer ago: seconds, or 30s, 5m, 2h. Also that of starters on other hosts.",
)
@_as_json
def reap(kind: str | None, settings: tuple[str, ...], dry_run: bool, older_than: float | None, as_json: bool) -> int:
    """Remove the leftovers of ended runs whose starter has ended too, and list them.

    A starter is the process that launched a run. Runs that go on after their time-out are stopped and removed; others
    that go on are left alone. So are the runs of starters on other hosts, or before this host was started, unless
    their time-out has passed or --older-than is given.
    """
    launchers = Launchers(kind, settings)
    chosen: list[Listed] = []
    errors: list[LaunchError] = []
    for runs in launchers.listed():
        for type_ in {run.handle.type for run in runs}:
            with launchers.make(type_) as launcher:
                try:
                    handles = set(launcher.reap(older_than=older_than, dry_run=dry_run))
                except LaunchError as error:
                    errors.append(error)
                    continue
            chosen += [run for run in runs if run.handle in handles]
    _show(chosen, as_json)
    if errors:
        raise errors[0]
    print_message(f"{len(chosen)} {'would be ' if dry_run else ''}removed")
    return 0


def _show(runs: list[Listed], as_json: bool) -> None:
    from .listing import in_json, table  # takes 50 ms to import, with rich

    to_screen("stdout", in_json(runs) if as_json else table(runs))
