"""`launchpad run`: launches one run and passes on its output and exit status."""

from __future__ import annotations

import re
import shlex
import sys

import attrs
import click

from ..core.screen import to_screen
from ..errors import LaunchError
from ..executor import LaunchExecutor
from ..future import LaunchFuture
from ..launcher import Launcher
from ..live.text import why
from ..models import Handle, Outcome, Run
from ..retry import Retry
from ..run_events import RunEvent, on_event
from ..stdin import OwnStdin
from ..text import one_line
from . import exit_codes as exits
from .flight import Flight
from .inbox import Inbox
from .messages import print_message
from .options import RunRequest, run_options
from .outcome import print_json
from .output import ShownOutput

_FOR_SHELL = re.compile(r"[|&;<>()$`*?~#]|\w=")
"""Marks of a command that only a shell can run."""


@click.command(
    context_settings={"allow_interspersed_args": False}, short_help="Run a command or function; exit with its status."
)
@run_options
@click.option("-i", "--interactive", is_flag=True, help="Pass this command's standard input on to the run.")
@click.option("-d", "--detach", is_flag=True, help="Start the run, print its id and leave it running.")
@click.option("-v", "--verbose", is_flag=True, help="Print to stderr where the run started and how it ended.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome to stdout as a JSON object, output to stderr.")
def run(request: RunRequest, interactive: bool, detach: bool, verbose: bool, as_json: bool) -> int:
    """Run COMMAND, stream its output, and exit with its status.

    Also: 1 when its output could not be written, 124 when the time-out has stopped it, 125 when it could not be
    launched, 128 + n when signal n ended it.
    Ctrl-C stops the run, and kills it when pressed again.

    With --detach, the run goes on: launchpad logs, wait and stop find it by its id.
    """
    launcher, wanted, retry = request.resolve()
    if as_json and detach:
        raise click.UsageError("--json cannot be used with --detach, which prints the id: launchpad wait --json has it")
    if interactive and detach:
        raise click.UsageError(
            "--interactive cannot be used with --detach: a detached run outlives this command's input"
        )
    if interactive:
        if sys.stdin is None:
            raise click.UsageError("--interactive needs a standard input, which is closed")
        wanted = attrs.evolve(wanted, stdin=OwnStdin())
    retry = _usable(retry, "--interactive" if interactive else "--detach" if detach else "")

    def started(handle: Handle) -> None:
        if verbose:
            print_message(f"{handle.name}: {handle.type} run {handle.id} on {handle.engine} has started")

    if detach:
        handle = _start(launcher, wanted)
        started(handle)
        _print_id(launcher, handle)
        return 0
    shown = ShownOutput("stderr" if as_json else None)
    with launcher, on_event(_print_if_pending), Inbox() as inbox, LaunchExecutor(launcher, 1) as executor:
        flight = Flight(executor, inbox)
        on_output = shown.of() if launcher.stream_output else None
        future = flight.submit(wanted, retry=retry, on_start=started, on_output=on_output)
        for _ in flight.ends():
            pass
    written = not as_json or print_json(_outcome(future))
    return _status(future, flight, verbose) or (exits.FAILED if shown.lost or not written else 0)


def _print_if_pending(event: RunEvent) -> None:
    if event.kind == "pending":
        print_message(f"{event.run.name} is pending: {event.reason}: {event.message}")


def _usable(retry: Retry | None, option: str) -> Retry | None:
    """The Retry of a deployment; None, with a message, if `option` leaves no input or no process for more attempts."""
    if retry is not None and option:
        print_message(f"the retry of the deployment is not used with {option}: there is one attempt")
        return None
    return retry


def _start(launcher: Launcher, run: Run) -> Handle:
    with launcher:
        try:
            return launcher.start(run)
        except (LaunchError, ValueError) as error:  # a ValueError is about what the user gave
            raise _explained(error, run) from error


def _print_id(launcher: Launcher, handle: Handle) -> None:
    """Prints the id of a run, or stops the run: without its id, nobody could find it."""
    try:
        to_screen("stdout", [one_line(handle.run_id)])
    except OSError as error:
        with launcher:
            launcher.stop(handle)
            launcher.remove(handle)
        raise LaunchError(f"The run was stopped, because its id could not be printed: {error.strerror}") from error


def _explained(error: Exception, run: Run) -> LaunchError:
    """The error of a launch that failed, with advice about the command."""
    return LaunchError(f"{error}{_advice(run)}")


def _outcome(future: LaunchFuture) -> Outcome:
    assert future.outcome is not None  # it is done
    return future.outcome


def _status(future: LaunchFuture, flight: Flight, verbose: bool) -> int:
    """The exit status for an ended run. Raises the error of a launch that failed."""
    outcome = _outcome(future)
    error = None if future.cancelled() or flight.signal else future.exception()
    if error is not None:  # a ValueError is about what the user gave
        raise _explained(error, future.run) if isinstance(error, LaunchError | ValueError) else error
    if verbose or not (flight.signal or exits.is_self_explanatory(outcome)):
        advice = "" if outcome.ok or outcome.exit_code in range(1, 126) else _advice(future.run)
        print_message(f"{future.run.name}: {why(outcome).removesuffix(':')}{advice}")
    return exits.of_signal(flight.signal) if flight.signal else exits.of_outcome(outcome)


def _advice(run: Run) -> str:
    """What to do about a command in quotes, which is one word and so the name of a program."""
    if run.command is None or len(run.command) > 1 or len(run.command[0].split()) < 2:
        return ""
    command = run.command[0]
    words = f"sh -c {shlex.quote(command)}" if _FOR_SHELL.search(command) else command
    return f" The command is one word because of its quotes; write: launchpad run -- {words}"
