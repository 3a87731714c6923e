"""What the command line itself has to say: whole lines on standard error, without control characters."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from ..models import Outcome


def one_line(text: str) -> str:
    """`text` in one line that no terminal takes for commands: white space is collapsed, control characters escaped."""
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in words)


def tell(text: str) -> None:
    """Writes one line to stderr, as it is at this moment, with our name before it."""
    with suppress(OSError, ValueError):  # nobody is there to read it
        sys.stderr.write(f"launchpad: {one_line(text)}\n")
        sys.stderr.flush()


def why(outcome: Outcome) -> str:
    """How a run ended, in one line that begins with the reason."""
    return one_line(f"{outcome.reason}: {outcome.message} {outcome.hint}").removesuffix(":")


class WarningsToUser(logging.Handler):
    """Shows what the package `launchpad` logs as warnings, a line each and without tracebacks.

    That a reader of our output has left is no news: the exit status tells it.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if any(isinstance(argument, BrokenPipeError) for argument in arguments):
            return
        error = record.exc_info[1] if record.exc_info else None
        tell(record.getMessage() + (f": {error}" if error else ""))
