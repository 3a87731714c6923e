"""Messages of the command line: whole lines on standard error."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..core.delivery import DeliveryAbandoned
from ..core.screen import write_text
from ..text import one_line


def print_message(text: str) -> None:
    """Writes one line to the current sys.stderr, after the prefix `launchpad: `."""
    with suppress(OSError, ValueError, DeliveryAbandoned):  # stderr is closed, its reader is gone, or reads no more
        write_text(sys.stderr, f"launchpad: {one_line(text)}\n")


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """For the duration of a block, prints each logged or issued warning and each error of a thread as one line."""
    logger, handler, hook = logging.getLogger(), _MessageHandler(), threading.excepthook
    logger.addHandler(handler)
    threading.excepthook = lambda failed: print_message(f"{failed.exc_type.__name__}: {failed.exc_value}")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print_message(str(message))
            yield
    finally:
        threading.excepthook = hook
        logger.removeHandler(handler)


class _MessageHandler(logging.Handler):
    """Prints log records from level WARNING on, except about a BrokenPipeError, which ends the command anyway."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if any(isinstance(argument, BrokenPipeError) for argument in arguments):
            return
        error = record.exc_info[1] if record.exc_info else None
        print_message(record.getMessage() + (f": {type(error).__name__}: {error}" if error else ""))
