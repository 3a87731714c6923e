"""The command `launchpad`, and how whatever goes wrong in it becomes one line and an exit status."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from signal import Signals
from typing import TextIO

import click

from ..errors import LaunchError
from . import exit_codes as exits
from .batch import batch
from .containers import ps, reap
from .doctor import doctor
from .inbox import reader_has_left
from .messages import log_to_stderr, tell
from .preview import preview
from .run import run


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from ..version import __version__  # takes long to import

        click.echo(f"launchpad {__version__}")
        context.exit()


@click.group(invoke_without_command=True)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it.")
@click.pass_context
def app(context: click.Context) -> None:
    """Launch commands and Python functions as local processes, Docker containers or Kubernetes Jobs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(exits.USAGE)


for command in (run, batch, preview, doctor, ps, reap):
    app.add_command(command)


def run_app(arguments: Sequence[str]) -> int:
    """Runs the command line and gives its exit status; whatever goes wrong is told on stderr, a line each."""
    _prepare_streams()
    try:
        with log_to_stderr():
            status: object = app.main(list(arguments), prog_name="launchpad", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except BaseException as error:
        return _told(error)
    finally:
        for stream in (sys.stdout, sys.stderr):
            _finish(stream)


def _told(error: BaseException) -> int:
    """Tells of `error`, and gives the exit status that goes with it."""
    if isinstance(error, SystemExit):  # of click: it has told a shell what completes a word, or its reader has left
        if not error.code:
            return 0
        return exits.of_signal(Signals.SIGPIPE) if reader_has_left() else exits.FAILED
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "launchpad"
        tell(f"{error.format_message()} (see: {path} --help)")
        return exits.USAGE
    if isinstance(error, click.ClickException):
        for line in error.message.splitlines():
            tell(line)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return exits.of_signal(Signals.SIGINT)
    if isinstance(error, BrokenPipeError):
        return exits.of_signal(Signals.SIGPIPE)
    tell(str(error) if isinstance(error, LaunchError | OSError) else _fault(error))
    return exits.NOT_LAUNCHED


def _fault(error: BaseException) -> str:
    """For an error that is our own fault: what it is, and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"this is a fault of launchpad's, please report it: {type(error).__name__}: {error} ({where})"


def _prepare_streams() -> None:
    """Makes any text printable in any encoding, and gives a closed standard stream something to write to."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _finish(stream: TextIO) -> None:
    """Flushes `stream`; what cannot be written is let go, so that the interpreter does not fail on it at its end."""
    try:
        stream.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            tell(f"output was lost: {error.strerror}")
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
