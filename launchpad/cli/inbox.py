"""The queue on which the main thread waits for the ends of runs and for signals.

A signal handler may interrupt a thread that holds any lock. So ours do nothing: the interpreter writes the signal's
number to a pipe, in whichever thread it arrives. The ends of runs come through the same pipe to the main thread.
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
    """Receives ends from any thread and signals from the system, for the main thread. A context manager.

    A signal that was ignored at the start (by nohup, or by a shell for background jobs) stays ignored.
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
            undo.callback(self._receive_rest)
            os.set_blocking(self._writing, False)
            undo.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False))
            for number in SIGNALS:
                if number == signal.SIGPIPE or signal.getsignal(number) is not signal.SIG_IGN:
                    undo.callback(signal.signal, number, signal.signal(number, _do_nothing))
            self._restore = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._restore.close()
        self._reading = -1

    def put(self, end: LaunchFuture) -> None:
        """Adds the end of a run. For any thread."""
        self._ends.append(end)
        with suppress(BlockingIOError):  # a full pipe wakes the reader too
            os.write(self._writing, _AN_END)

    def get(self) -> Signals | LaunchFuture:
        """Waits for the next signal or end and returns it; signals come first."""
        while True:
            if self._signals:
                return self._signals.popleft()
            if self._ends:
                return self._ends.popleft()
            self._receive()

    def take_signals(self) -> list[Signals]:
        """Returns the signals that have arrived, until the end of the block. Does not wait."""
        if self._reading >= 0:
            self._receive_rest()
        taken = list(self._signals)
        self._signals.clear()
        return taken

    def _receive_rest(self) -> None:
        if select.select([self._reading], [], [], 0)[0]:
            self._receive()

    def _receive(self) -> None:
        numbers = os.read(self._reading, 4096)
        self._signals.extend(Signals(number) for number in numbers if number in SIGNALS)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """The handler of our signals. The interpreter writes to the pipe only for signals that have a handler."""


def reader_has_left() -> bool:
    """Whether standard output is a pipe whose reader has closed it."""
    try:
        output = sys.__stdout__.fileno() if sys.__stdout__ else -1
    except (OSError, ValueError):
        return False
    poll = select.poll()
    poll.register(output, 0)
    return output >= 0 and any(event & select.POLLERR for _, event in poll.poll(0))
