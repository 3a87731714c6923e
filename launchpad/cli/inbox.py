"""What the main thread waits for while runs are under way: their ends, and the signals that ask it to stop.

Signal handlers that do something can find any lock held by the thread they interrupt. So ours do nothing: the
interpreter writes the signal's number to a pipe, whichever thread the system gave it to; the ends of runs come through
the same pipe, and the main thread acts on both when it is ready to.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections import deque
from contextlib import ExitStack, suppress
from signal import Signals
from types import FrameType

from ..future import LaunchFuture

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_AN_END = b"\0"


class Inbox:
    """Receives ends from any thread and signals from the system, for the main thread to take. A context manager.

    A signal that was ignored when we started (by nohup, or by a shell for its background jobs) is still ignored.
    """

    def __init__(self) -> None:
        self._ends: deque[LaunchFuture] = deque()
        self._signals: deque[Signals] = deque()
        self._restore = ExitStack()

    def __enter__(self) -> Inbox:
        self._reading, self._writing = os.pipe()
        with ExitStack() as undo:
            undo.callback(os.close, self._reading)
            undo.callback(os.close, self._writing)
            os.set_blocking(self._writing, False)
            undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False))
            for number in SIGNALS:
                if number == signal.SIGPIPE or signal.getsignal(number) is not signal.SIG_IGN:
                    undo.callback(signal.signal, number, signal.signal(number, _noted))
            self._restore = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._restore.close()

    def put(self, end: LaunchFuture) -> None:
        """Notes the end of a run. Any thread."""
        self._ends.append(end)
        with suppress(BlockingIOError):  # a full pipe wakes the reader just as well
            os.write(self._writing, _AN_END)

    def get(self) -> Signals | LaunchFuture:
        """Waits for the next signal or end."""
        while True:
            if self._signals:
                return self._signals.popleft()
            if self._ends:
                return self._ends.popleft()
            numbers = os.read(self._reading, 4096)
            self._signals.extend(Signals(number) for number in numbers if number in SIGNALS)


def _noted(number: int, frame: FrameType | None) -> None:
    """The handler of our signals: that there is one makes the interpreter write to the pipe."""


def reader_has_left() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    try:
        output = sys.__stdout__.fileno() if sys.__stdout__ else -1
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(output, 0)
    return output >= 0 and any(event & select.POLLERR for _, event in poll.poll(0))
