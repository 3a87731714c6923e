"""The command `launchpad`. Every error in it becomes one line on stderr and an exit status."""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from signal import Signals
from typing import TextIO

import click

from ..core.delivery import current
from ..core.screen import write_text
from ..errors import LaunchError
from ..suggestions import did_you_mean
from . import exit_codes as exits
from .inbox import reader_has_left
from .messages import log_to_stderr, print_message

_MODULES = {
    "batch": ".batch",
    "doctor": ".doctor",
    "journal": ".journal",
    "logs": ".housekeeping",
    "preview": ".preview",
    "ps": ".housekeeping",
    "reap": ".housekeeping",
    "run": ".run",
    "stop": ".housekeeping",
    "wait": ".housekeeping",
}
"""The commands, and the modules that define them. A command line imports that of its own command only."""

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF, errno.EIO}
"""The errors of a standard stream that takes no more output."""


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from ..version import __version__  # takes long to import

        click.echo(f"launchpad {__version__}")
        context.exit()


class _Interrupted(BaseException):
    """Stands for a KeyboardInterrupt, for which click writes an empty line to stderr, which may take nothing."""


class _Commands(click.Group):
    """The commands of `launchpad`."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        command: click.Command = getattr(importlib.import_module(_MODULES[name], __package__), name)
        return command

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            raise _Interrupted from error

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = words[0]
        if not name.startswith("-") and name not in _MODULES:
            context.fail(f"No such command {name!r}{did_you_mean(name, _MODULES)}")
        return super().resolve_command(context, words)


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version.",
)
@click.pass_context
def app(context: click.Context) -> None:
    """Launch commands and Python functions as local processes, Docker containers or Kubernetes Jobs."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(exits.USAGE)


def run_app(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit status. Errors are printed to stderr, one line each."""
    return _finished(_run_app(arguments))


def _run_app(arguments: Sequence[str]) -> int:
    _prepare_streams()
    before = current.delivery
    try:
        with log_to_stderr():
            status: object = app.main(list(arguments), prog_name="launchpad", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except BaseException as error:
        return _report_error(error)
    finally:
        current.delivery = before


def _finished(status: int) -> int:
    """`status`, or if that is 0 and buffered output cannot be written, that of a failure."""
    for stream in (sys.stdout, sys.stderr):
        if not _finish(stream, silent=status != 0):
            status = status or exits.FAILED
    return status


def _report_error(error: BaseException) -> int:
    """Prints `error` and returns its exit status."""
    if isinstance(error, SystemExit):  # click raises it after shell completion, and when stdout's reader is gone
        if not error.code:
            return 0
        return exits.of_signal(Signals.SIGPIPE) if reader_has_left() else exits.FAILED
    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "launchpad"
        print_message(f"{_usage_message(error)} (see: {path} --help)")
        return exits.USAGE
    if isinstance(error, click.ClickException):
        for line in error.message.splitlines():
            print_message(line)
        return error.exit_code
    if isinstance(error, _Interrupted | KeyboardInterrupt | click.Abort):
        return exits.of_signal(Signals.SIGINT)
    if isinstance(error, BrokenPipeError):
        return exits.of_signal(Signals.SIGPIPE)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None:
        print_message(f"output was lost: {error.strerror}")
        return exits.FAILED
    print_message(str(error) if isinstance(error, LaunchError | OSError) else _internal_error(error))
    return exits.NOT_LAUNCHED


def _usage_message(error: click.UsageError) -> str:
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return error.format_message()
    known = [name for option in error.ctx.command.get_params(error.ctx) for name in option.opts]
    return f"No such option {error.option_name!r}{did_you_mean(error.option_name, known)}"


def _internal_error(error: BaseException) -> str:
    """The message for an unexpected error: its type, its text and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    return f"this is a bug in launchpad, please report it: {type(error).__name__}: {error} ({where})"


def _prepare_streams() -> None:
    """Replaces closed standard streams by files that cannot be written, and escapes what an encoding lacks."""
    sys.stdout = sys.stdout or open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _finish(stream: TextIO, *, silent: bool) -> bool:
    """Flushes `stream`; returns whether all was written. The rest is dropped: the interpreter would fail on it."""
    try:
        write_text(stream, "")
        return True
    except OSError as error:
        if not (silent or isinstance(error, BrokenPipeError)):
            print_message(f"output was lost: {error.strerror}")
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)
        return False
