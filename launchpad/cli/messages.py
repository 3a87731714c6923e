"""What the command line itself has to say: whole lines on standard error."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

from ..wording import one_line


def tell(text: str) -> None:
    """Writes one line to stderr, as it is at this moment, with our name before it."""
    with suppress(OSError, ValueError):  # nobody is there to read it
        sys.stderr.write(f"launchpad: {one_line(text)}\n")
        sys.stderr.flush()


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
