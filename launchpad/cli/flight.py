"""Runs in flight: the main thread submits them, waits for their ends and handles signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from signal import Signals
from typing import TYPE_CHECKING

from ..core.delivery import Delivery, DeliveryAbandoned, current
from ..core.output import OnOutput
from ..executor import LaunchExecutor
from ..future import LaunchFuture
from ..launcher import Launcher
from ..models import Run
from ..retry import Retry
from ..starting import OnStart
from .inbox import Inbox, reader_has_left
from .messages import print_message

if TYPE_CHECKING:
    from ..live.bar import Bar

GIVE_UP_TIMEOUT = 1.0
"""Seconds after a signal in which a pipe that is full must take more of what the main thread writes."""


class Flight:
    """The runs that are submitted to one executor and have not been reported. For the main thread only.

    The first signal stops all runs with their grace; the same signal again, except SIGPIPE, kills them.
    """

    def __init__(self, executor: LaunchExecutor, inbox: Inbox, bar: Bar | None = None) -> None:
        self.signal: Signals | None = None
        """The first signal received."""
        self.stopping = False
        """Whether runs are being stopped. No more can be submitted then."""
        self.in_flight = 0
        self._executor = executor
        self._inbox = inbox
        self._bar = bar
        self._seen: set[Signals] = set()

    def submit(
        self,
        run: Run,
        *,
        launcher: Launcher | None = None,
        retry: Retry | None = None,
        on_start: OnStart | None = None,
        on_output: OnOutput | None = None,
        on_end: Callable[[Future[bool]], object] | None = None,
    ) -> LaunchFuture:
        """Launches `run` when a worker is free, on `launcher` if there is one.

        `on_end` is called before `ends` yields the future, in any thread.
        """
        future = self._executor.submit(run, launcher=launcher, retry=retry, on_start=on_start, on_output=on_output)
        self.in_flight += 1
        if on_end is not None:
            future.add_done_callback(on_end)
        future.add_done_callback(lambda _: self._inbox.put(future))
        return future

    def ends(self) -> Iterator[LaunchFuture]:
        """Yields futures as they end, until none is in flight. From now on, signals count while this thread writes."""
        current.delivery = _OwnOutput(self)
        while self.in_flight:
            event = self._inbox.get()
            if isinstance(event, Signals):
                self._act_on(event)
            else:
                self.in_flight -= 1
                yield event

    def act_on_signals(self) -> None:
        """Acts on the signals that have arrived. Does not block."""
        for number in self._inbox.take_signals():
            self._act_on(number)

    def stop(self, *, hurry: bool = False) -> None:
        """Cancels queued runs and stops running ones, with `hurry` without grace. `ends` still yields them."""
        self.stopping = True
        if self._bar is not None:
            self._bar.say("killing" if hurry else "stopping")
        self._executor.stop(wait=False, hurry=hurry)

    def _act_on(self, number: Signals) -> None:
        if number is signal.SIGPIPE and not reader_has_left():
            return  # from a connection of an engine's client, which handles it
        again = number in self._seen and number is not signal.SIGPIPE
        self._seen.add(number)
        self.signal = self.signal or number
        self.stop(hurry=again)
        if number is signal.SIGINT and not again:
            print_message("stopping; press Ctrl-C again to kill what still runs")


class _OwnOutput(Delivery):
    """What the main thread itself writes. While a pipe is full, it acts on signals, and then soon gives up."""

    def __init__(self, flight: Flight) -> None:
        super().__init__()
        self._flight = flight
        self._give_up_at: float | None = None

    def check(self) -> None:
        self._flight.act_on_signals()
        if self._flight.signal is None:
            return
        self._give_up_at = self._give_up_at or time.monotonic() + GIVE_UP_TIMEOUT
        if time.monotonic() >= self._give_up_at:
            raise DeliveryAbandoned
