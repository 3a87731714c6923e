"""Progress bars, each updated by its own thread until its futures have ended."""

from __future__ import annotations

import contextvars
import importlib.util
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from ..core.delivery import Delivery, DeliveryAbandoned, current
from ..core.interrupts import uninterrupted
from ..core.screen import BLOCKED_INTERVAL, is_terminal
from ..errors import LaunchError
from ..jupyter import in_notebook
from .lines import LinesDisplay
from .tally import Counts, Failure, Tally

WAKE_INTERVAL = 0.5
"""Seconds between two looks at whether the bar is to end, at most."""

LINGER_TIMEOUT = 1.0
"""Seconds after which the bar of an idle executor ends. Later runs get a new bar."""

_logger = logging.getLogger("launchpad")


class Display(Protocol):
    """Shows a bar. An exception in a method ends the bar and has no other effect."""

    interval: float
    """Seconds between two calls of `show`."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        """Shows the current counts, and the failures since the last call."""
        ...

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        """Shows the final counts, and the failures since the last call."""
        ...

    def abandon(self) -> None:
        """Releases the display after an exception."""
        ...


MakeDisplay = Callable[[], Display]


def display_here() -> MakeDisplay | None:
    """The factory of displays for this process: plain lines outside notebooks and terminals, None without stderr.

    LaunchError if the package rich is missing, which plain lines do not need.
    """
    notebook = in_notebook()
    if not notebook and not is_terminal(sys.stderr):
        return None if sys.stderr is None else LinesDisplay
    if importlib.util.find_spec("rich") is None:
        extra = "notebook" if notebook else "cli"
        raise LaunchError(f"Showing progress needs the package rich: pip install 'launchpad-runs[{extra}]'")
    if notebook:
        from .notebook import NotebookDisplay

        return NotebookDisplay
    from .terminal import TerminalDisplay

    return TerminalDisplay


def bars_here() -> Bars | None:
    """The bars of an executor, None if there is nowhere to show them. LaunchError if the package rich is missing."""
    make_display = display_here()
    return None if make_display is None else Bars(make_display)


class Bar:
    """Shows the progress of futures until `linger` seconds after the last of them has ended, or until it is closed.

    `expected` is the least number of futures to come. In a notebook, it is in the cell that starts it. Thread-safe.
    """

    def __init__(self, make_display: MakeDisplay, *, expected: int = 0, linger: float = 0.0) -> None:
        self._make_display = make_display
        self._tally = Tally(expected)
        self._linger = linger
        self._lock = threading.Lock()  # guards the next
        self._closed = False
        # Locked until close(). Not an Event: if an interrupt breaks off its set(), a waiter hangs.
        self._open = threading.Lock()
        self._open.acquire()
        self._thread: threading.Thread | None = None
        self._delivery = _OfBar()

    def start(self, futures: Iterable[Future[Any]] = ()) -> None:
        """Starts the thread that shows `futures` and later ones. An interrupt leaves no thread and no display."""
        try:
            uninterrupted(partial(self._start, futures), self._ask_to_close)
        except BaseException:
            self.close()
            raise

    def add(self, future: Future[Any]) -> bool:
        """Adds a future; False if the bar has been closed."""
        with self._lock:
            if not self._closed:
                self._tally.add(future)
            return not self._closed

    def count_succeeded(self, number: int) -> None:
        """Counts runs that succeeded before, and have no future."""
        self._tally.count_succeeded(number)

    def say(self, note: str) -> None:
        """Shows a note beside the counts from now on."""
        self._tally.note = note

    def end_when_idle(self) -> None:
        """Ends the bar with the last of its futures, without lingering."""
        self._linger = 0.0

    def close(self) -> None:
        """Shows the counts a last time and ends the bar. Idempotent.

        If the screen takes nothing, an interrupt ends the bar without that, and so does the end of the caller's own
        `delivery`.
        """
        self._ask_to_close()
        if self._thread is None:
            return
        try:
            while self._thread.is_alive():
                self._thread.join(BLOCKED_INTERVAL)
                current.delivery.check()
        except DeliveryAbandoned:
            pass
        finally:
            self._delivery.abandoned = True
            self._thread.join()

    def _start(self, futures: Iterable[Future[Any]]) -> None:
        for future in futures:
            self.add(future)
        try:
            self._thread = self._started(self._make_display())
        except Exception as error:
            _warn(error)

    def _started(self, display: Display) -> threading.Thread:
        show = contextvars.copy_context().run
        # Not a daemon, which could be ended in the middle of a write. It ends when the main thread does.
        thread = threading.Thread(target=show, args=(self._show, display), name="launchpad-progress", daemon=False)
        thread.start()
        return thread

    def _ask_to_close(self) -> None:
        with self._lock:
            self._closed = True
        with suppress(RuntimeError):  # it is released already
            self._open.release()

    def _show(self, display: Display) -> None:
        """Runs in the thread. Errors of the display become a warning."""
        current.delivery = self._delivery
        try:
            due = time.monotonic() + display.interval
            while not self._is_over(min(display.interval, WAKE_INTERVAL)):
                if (now := time.monotonic()) >= due:
                    due = now + display.interval
                    display.show(self._tally.counts(), self._tally.new_failures())
            display.close(self._tally.counts(), self._tally.new_failures())
        except Exception as error:
            if not isinstance(error, DeliveryAbandoned):
                _warn(error)
            with suppress(Exception):
                display.abandon()

    def _is_over(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds, then returns whether the bar is to end."""
        asked = self._open.acquire(timeout=timeout)
        with self._lock:
            self._closed = (
                asked
                or self._closed
                or self._tally.idle_for() > self._linger
                or not threading.main_thread().is_alive()  # the interpreter waits for this thread to exit
            )
            return self._closed


class _OfBar(Delivery):
    """What a bar writes. While the screen takes nothing, it is given up at the end of the main thread too."""

    def check(self) -> None:
        self.abandoned = self.abandoned or not threading.main_thread().is_alive()
        super().check()


class Bars:
    """The bars of an executor, at most one at a time: a run that finds no open bar starts one."""

    def __init__(self, make_display: MakeDisplay) -> None:
        self._make_display = make_display
        self._lock = threading.Lock()  # guards the next
        self._bar: Bar | None = None

    def add(self, future: Future[Any]) -> None:
        with self._lock:
            if self._bar is None or not self._bar.add(future):
                self._bar = Bar(self._make_display, linger=LINGER_TIMEOUT)
                self._bar.start([future])

    def say(self, note: str) -> None:
        """Shows a note beside the counts of the current bar."""
        if (bar := self._bar) is not None:
            bar.say(note)

    def end(self, wait: bool) -> None:
        """Ends the bar when its futures have ended; with `wait`, closes it now."""
        if (bar := self._bar) is not None:
            bar.end_when_idle()
            if wait:
                bar.close()


def _warn(error: Exception) -> None:
    _logger.warning("Progress cannot be shown any more: %s: %s", type(error).__name__, error)
