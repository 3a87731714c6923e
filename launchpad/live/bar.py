"""Bars that live: a thread brings each up to date while its futures are under way."""

from __future__ import annotations

import contextvars
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TextIO

from ..core.interrupts import uninterrupted
from ..errors import LaunchError
from ..jupyter import in_notebook
from .tally import Counts, Failure, Tally

LINGER = 1.0
"""Seconds without anything to do after which an executor's bar ends; runs that come then get a new one."""

_WITHOUT_CURSOR = ("", "dumb", "unknown")  # values of TERM

_logger = logging.getLogger("launchpad")


class Display(Protocol):
    """Where a bar is shown. What it raises ends the showing, and nothing else."""

    period: float
    """Seconds between two looks."""

    def show(self, counts: Counts, failures: list[Failure]) -> None:
        """Shows how things are; `failures` are those since the last call."""
        ...

    def close(self, counts: Counts, failures: list[Failure]) -> None:
        """Shows how things were at the end."""
        ...

    def abandon(self) -> None:
        """Lets go of the display after it has raised."""
        ...


MakeDisplay = Callable[[], Display]


def display_here() -> MakeDisplay | None:
    """What makes displays in this process; None where nobody looks: neither in a notebook nor at a terminal.

    LaunchError where the package that draws is missing.
    """
    notebook = in_notebook()
    if not notebook and not _is_terminal(sys.stderr):
        return None
    if importlib.util.find_spec("rich") is None:
        extra = "notebook" if notebook else "cli"
        raise LaunchError(f"Showing progress needs the package rich: pip install 'launchpad[{extra}]'")
    if notebook:
        from .notebook import NotebookDisplay

        return NotebookDisplay
    from .terminal import TerminalDisplay

    return TerminalDisplay


def bars_here() -> Bars | None:
    """The bars of an executor of this process; None where nobody looks. LaunchError as for `display_here`."""
    make_display = display_here()
    return None if make_display is None else Bars(make_display)


def _is_terminal(screen: TextIO | None) -> bool:
    """Whether `screen` is a terminal on which the cursor can be moved."""
    try:
        return screen is not None and screen.isatty() and os.environ.get("TERM", "dumb") not in _WITHOUT_CURSOR
    except Exception:  # it is closed, or somebody's own
        return False


class Bar:
    """Shows the futures that are added to it, until all have ended (and `linger` seconds more) or it is closed.

    `expected` is how many there will be at least. It belongs to the thread, and in a notebook to the cell, that begins
    it; its methods are for any thread.
    """

    def __init__(self, make_display: MakeDisplay, *, expected: int = 0, linger: float = 0.0) -> None:
        self._make_display = make_display
        self._tally = Tally(expected)
        self._linger = linger
        self._lock = threading.Lock()  # guards the next
        self._closed = False
        # Locked until close(). No Event: an interrupt can tear its set() apart, and then a waiter hangs.
        self._open = threading.Lock()
        self._open.acquire()
        self._thread: threading.Thread | None = None

    def begin(self, futures: Iterable[Future[Any]] = ()) -> None:
        """Begins to show, `futures` first of all. An interrupt is passed on, and leaves no thread and no display."""
        try:
            uninterrupted(partial(self._begin, futures), self._ask_to_close)
        except BaseException:
            self.close()
            raise

    def add(self, future: Future[Any]) -> bool:
        """False where the bar has been closed."""
        with self._lock:
            if not self._closed:
                self._tally.add(future)
            return not self._closed

    def end_when_idle(self) -> None:
        """Has it end with the last of its futures, without lingering."""
        self._linger = 0.0

    def close(self) -> None:
        """Shows how things are now, for the last time. Idempotent."""
        self._ask_to_close()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, futures: Iterable[Future[Any]]) -> None:
        for future in futures:
            self.add(future)
        try:
            self._thread = self._started(self._make_display())
        except Exception as error:
            _warn(error)

    def _started(self, display: Display) -> threading.Thread:
        show = contextvars.copy_context().run
        # Not a daemon, which the interpreter would end in the middle of a write: it sees by itself when all is over.
        thread = threading.Thread(target=show, args=(self._show, display), name="launchpad-progress", daemon=False)
        thread.start()
        return thread

    def _ask_to_close(self) -> None:
        with self._lock:
            self._closed = True
        with suppress(RuntimeError):  # it has been released before
            self._open.release()

    def _show(self, display: Display) -> None:
        """The thread: what goes wrong with the display is not to go further."""
        try:
            while not self._is_over(display.period):
                display.show(self._tally.counts(), self._tally.untold())
            display.close(self._tally.counts(), self._tally.untold())
        except Exception as error:
            _warn(error)
            with suppress(Exception):
                display.abandon()

    def _is_over(self, bounded_timeout: float) -> bool:
        """Waits a little; then whether there is nothing more to show."""
        asked = self._open.acquire(timeout=bounded_timeout)
        with self._lock:
            self._closed = (
                asked
                or self._closed
                or self._tally.idle_for() > self._linger
                or not threading.main_thread().is_alive()  # the interpreter is about to exit, and waits for us
            )
            return self._closed


class Bars:
    """The bars of an executor, one after the other: a run that finds none begins one."""

    def __init__(self, make_display: MakeDisplay) -> None:
        self._make_display = make_display
        self._lock = threading.Lock()  # guards the next
        self._bar: Bar | None = None

    def add(self, future: Future[Any]) -> None:
        with self._lock:
            if self._bar is None or not self._bar.add(future):
                self._bar = Bar(self._make_display, linger=LINGER)
                self._bar.begin([future])

    def end(self, wait: bool) -> None:
        """No more futures will come; with `wait`, all have ended."""
        if (bar := self._bar) is not None:
            bar.end_when_idle()
            if wait:
                bar.close()


def _warn(error: Exception) -> None:
    _logger.warning("Progress cannot be shown any more: %s: %s", type(error).__name__, error)
