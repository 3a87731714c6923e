"""What the command line itself has to say: whole lines on standard error."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..live.text import one_line


def tell(text: str) -> None:
    """Writes one line to stderr, as it is at this moment, with our name before it."""
    with suppress(OSError, ValueError):  # nobody is there to read it
        sys.stderr.write(f"launchpad: {one_line(text)}\n")
        sys.stderr.flush()


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Has all that is logged, warned of or raised in a thread for the time of a block told in a line each."""
    logger, handler, hook = logging.getLogger(), _Teller(), threading.excepthook
    logger.addHandler(handler)
    threading.excepthook = lambda failed: tell(f"{failed.exc_type.__name__}: {failed.exc_value}")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: tell(str(message))
            yield
    finally:
        threading.excepthook = hook
        logger.removeHandler(handler)


class _Teller(logging.Handler):
    """Tells of what is logged as a warning or worse; not that a reader of our output has left, for which we end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if any(isinstance(argument, BrokenPipeError) for argument in arguments):
            return
        error = record.exc_info[1] if record.exc_info else None
        tell(record.getMessage() + (f": {type(error).__name__}: {error}" if error else ""))
