"""SIGTERM for scripts that ask for it: launchpad itself handles no signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 128 + signal.SIGTERM
"""The exit status of a script that was asked to end, as shells give it."""


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """For a `with` block, lets SIGTERM end the script as Ctrl-C does: runs are stopped, and its exit status is 143.

    The signal raises SystemExit in the main thread, wherever that is: in `submit`, in a `with LaunchExecutor` block, in
    `future.result()`. A second one kills what still runs. The handler that was there before comes back at the end.

    Signals are the main thread's: entered by another thread, it raises RuntimeError.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "stop_on_sigterm() works in the main thread alone, where Python handles signals: enter it there, "
            "around what starts your threads, or call executor.stop() from what your server offers for its end"
        )
    before = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)  # None: set by no Python code


def _raise(number: int, frame: object) -> None:
    raise SystemExit(STATUS)
