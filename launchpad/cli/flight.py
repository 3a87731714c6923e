"""Runs in flight, as the command line's main thread sees them: it submits, hears of ends, and acts on signals."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from signal import Signals

from ..core.output import OnOutput
from ..executor import LaunchExecutor
from ..future import LaunchFuture
from ..launcher import OnStart
from ..models import Run
from .inbox import Inbox, reader_has_left
from .messages import tell


class Flight:
    """What is launched on one executor and has not been reported yet. For the main thread alone.

    The first signal stops all runs, politely; the same signal again, except that of a lost reader, kills them.
    """

    def __init__(self, executor: LaunchExecutor, inbox: Inbox) -> None:
        self.signal: Signals | None = None
        """The first signal that came."""
        self.stopping = False
        """Whether runs are being stopped; then no more can be submitted."""
        self.in_flight = 0
        self._executor = executor
        self._inbox = inbox
        self._seen: set[Signals] = set()

    def submit(
        self,
        run: Run,
        *,
        on_start: OnStart | None = None,
        on_output: OnOutput | None = None,
        on_end: Callable[[Future[bool]], object] | None = None,
    ) -> LaunchFuture:
        """Launches `run` when a worker is free. `on_end` is called before `ends` gives the future, in any thread."""
        future = self._executor.submit(run, on_start=on_start, on_output=on_output)
        self.in_flight += 1
        if on_end is not None:
            future.add_done_callback(on_end)
        future.add_done_callback(lambda _: self._inbox.put(future))
        return future

    def ends(self) -> Iterator[LaunchFuture]:
        """Gives futures as they end, until none is in flight."""
        while self.in_flight:
            event = self._inbox.get()
            if isinstance(event, Signals):
                self._act_on(event)
            else:
                self.in_flight -= 1
                yield event

    def stop(self, *, hurry: bool = False) -> None:
        """Cancels what is queued and stops what runs, with `hurry` without grace; their ends are still to come."""
        self.stopping = True
        self._executor.stop(wait=False, hurry=hurry)

    def _act_on(self, number: Signals) -> None:
        if number is signal.SIGPIPE and not reader_has_left():
            return  # some connection of an engine's client, which sees to it by itself
        again = number in self._seen and number is not signal.SIGPIPE
        self._seen.add(number)
        self.signal = self.signal or number
        if number is signal.SIGINT and not again:
            tell("stopping; press Ctrl-C again to kill what still runs")
        self.stop(hurry=again)
