"""Starts threads, also where Ctrl-C may come at any point."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable


def start_thread(function: Callable[..., object], *args: object) -> None:
    """Calls `function(*args)` in another thread, and returns when that has begun.

    It is no threading.Thread, whose start() leaves a lock behind if it is interrupted. It waits because Python 3.10
    crashes if it exits before a thread has begun. RuntimeError if the system has no room for another thread.
    """
    begun = threading.Lock()
    begun.acquire()

    def run() -> None:
        begun.release()
        function(*args)

    start_new_thread(run, ())
    begun.acquire()
