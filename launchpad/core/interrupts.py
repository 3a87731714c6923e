"""Runs a function to completion despite Ctrl-C."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context

from .shortages import advice_on

BEGIN_TIMEOUT = 1.0
"""Seconds for which an interrupted caller waits for a thread to begin that may not have been started."""


def uninterrupted(function: Callable[[], None], give_up: Callable[[], None]) -> None:
    """Calls `function` so that Ctrl-C cannot interrupt it, for instance between a fork and the record of the child.

    Python handles signals in the main thread only, so there another thread makes the call. After an interrupt,
    `give_up` is called, which may make `function` end early; when it has ended, the KeyboardInterrupt is raised.
    """
    if threading.current_thread() is not threading.main_thread():
        function()
        return
    call = _Call(function)
    try:
        # With the caller's context, since a trace of the caller may contain the start. It is no threading.Thread,
        # whose start() can be interrupted; after an interrupt here, the thread may exist or not: see _Call.
        try:
            start_new_thread(copy_context().run, (call.run,))
        except RuntimeError as error:
            if advice_on(error) is None:
                raise
            call.run()  # where an interrupt may come
        call.wait()
    except BaseException:
        try:  # first, since the next interrupt can only be raised after a call
            give_up()
            call.settle()
        except BaseException:
            call.settle()
        raise
    if call.errors:
        raise call.errors.pop()


class _Call:
    """A call in another thread. If the thread did not begin it before `settle`, it is never made."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.errors: list[BaseException] = []
        self._function = function
        self._decision: dict[str, bool] = {}  # set by the first of the two threads: whether the call is made
        self._in_progress = threading.Lock()  # not an Event, whose wait is Python code that an interrupt can break
        self._in_progress.acquire()
        self._begun = threading.Lock()
        self._begun.acquire()

    def run(self) -> None:
        self._begun.release()
        if not self._decision.setdefault("is made", True):
            return
        try:
            self._function()
        except BaseException as error:
            self.errors.append(error)
        finally:
            self._in_progress.release()

    def wait(self) -> None:
        with self._in_progress:
            pass

    def settle(self) -> None:
        """Waits for the end of the call, whatever signals arrive, or prevents it."""
        if self._decision.setdefault("is made", False):
            while self._in_progress.locked():
                with suppress(BaseException), self._in_progress:
                    return
        with suppress(BaseException):  # Python 3.10 crashes if it exits before a thread has begun
            self._begun.acquire(timeout=BEGIN_TIMEOUT)
