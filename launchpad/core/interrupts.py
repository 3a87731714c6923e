"""What an interrupt must not tear apart."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context


def uninterrupted(begin: Callable[[], None], give_up: Callable[[], None]) -> None:
    """Calls `begin` so that a Ctrl-C cannot tear it apart: between a fork and our knowing of it, say.

    Signals are handled in the main thread alone, so there the call is made by another thread. An interrupt asks it
    to give up, and is passed on when it is through.
    """
    if threading.current_thread() is not threading.main_thread():
        begin()
        return
    errors: list[BaseException] = []
    decided: dict[str, bool] = {}  # who comes first decides: the thread that it begins, an interrupt that it never does
    under_way = threading.Lock()  # not an Event: its wait is Python code, which an interrupt can tear apart

    def run() -> None:
        if not decided.setdefault("to begin", True):
            return
        try:
            begin()
        except BaseException as error:
            errors.append(error)
        finally:
            under_way.release()

    def settle() -> None:
        if decided.setdefault("to begin", False):
            _wait_through(under_way)

    under_way.acquire()
    try:
        # With the caller's context: what is told from there of a start belongs to, say, the caller's trace. It is no
        # threading.Thread: an interrupt can tear the start of one apart, and is lost where one is forgotten.
        start_new_thread(copy_context().run, (run,))  # interrupted here, it may run or not: hence the decision
        with under_way:
            pass
    except BaseException:
        try:  # before any call: with that, the next interrupt comes, if it comes
            give_up()
            settle()
        except BaseException:
            settle()
        raise
    if errors:
        raise errors.pop()


def _wait_through(under_way: threading.Lock) -> None:
    """Waits whatever signals come meanwhile: what has begun must be known before it can be undone."""
    while under_way.locked():
        with suppress(BaseException), under_way:
            return
