"""SIGTERM for scripts that ask for it: launchpad itself handles no signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 128 + signal.SIGTERM
"""The exit status of a script that SIGTERM ended, as shells report it."""


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """During a `with` block, makes SIGTERM end the script as Ctrl-C does: runs are stopped, and the exit status is 143.

    The signal raises SystemExit in the main thread, at any point: in `submit`, in a `with LaunchExecutor` block, in
    `future.result()`. A second one kills the remaining runs. The end of the block restores the handler from before.
    RuntimeError in any other thread, since Python handles signals in the main thread only.
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
