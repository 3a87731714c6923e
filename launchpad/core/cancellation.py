"""How one thread stops what another one is launching, and how many may launch at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """A launch was given up because it was asked to stop. Internal: no caller of launchpad sees it."""


class StopToken:
    """A stop that can be asked for from any thread, and that whoever waits hears at once.

    It lives as long as one launch: made by who launches, handed down to what waits on his behalf. Asked twice, it says
    so: the second time means "in a hurry".
    """

    def __init__(self) -> None:
        self.stopped = False  # this and the next: set by `stop` alone
        self.hurried = False
        self._torn = False  # a demand was interrupted before all had heard of it: the next one is told, if not new
        self._lock = threading.Lock()  # guards the listeners, and the order of stops and new ones
        self._listeners: list[Callable[[], None]] = []

    def stop(self, *, hurry: bool = False) -> None:
        """Asks to stop; with `hurry`, without grace. Listeners are called in this thread, at each new demand."""
        try:
            with self._lock:
                if self.stopped and (self.hurried or not hurry) and not self._torn:
                    return
                self.hurried = self.hurried or hurry
                self.stopped = True
                self._torn = False
                listeners = list(self._listeners)
            for listener in listeners:
                listener()
        except BaseException:
            self._torn = True
            raise

    def on_stop(self, listener: Callable[[], None]) -> None:
        """Calls `listener` whenever a stop is asked for; at once, here, if it has been."""
        with self._lock:
            self._listeners.append(listener)
            stopped = self.stopped
        if stopped:
            listener()

    def off_stop(self, listener: Callable[[], None]) -> None:
        """Ends what `on_stop` began."""
        with self._lock:
            self._listeners.remove(listener)

    def listening(self, listener: Callable[[], None]) -> Listening:
        """`on_stop` for the time of a `with` block."""
        return Listening(self, listener)

    def check(self) -> None:
        """Raises Stopped if the stop has been asked for."""
        if self.stopped:
            raise Stopped

    def sleep(self, delay: float) -> None:
        """Sleeps `delay` seconds; raises Stopped as soon as the stop is asked for."""
        woken = threading.Event()
        with self.listening(woken.set):
            woken.wait(delay)
        self.check()


class Listening:
    """A context manager that has a control call a listener."""

    def __init__(self, stop_token: StopToken, listener: Callable[[], None]) -> None:
        self._stop_token = stop_token
        self._listener = listener

    def __enter__(self) -> None:
        self._stop_token.on_stop(self._listener)

    def __exit__(self, *error: object) -> None:
        self._stop_token.off_stop(self._listener)


class StartLimiter:
    """Lets at most `places` launches through at once. Thread-safe."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, stop_token: StopToken) -> Iterator[None]:
        """Waits for a place and holds it for the block; raises Stopped as soon as `stop_token` is stopped."""
        with stop_token.listening(self._wake), self._changed:
            self._changed.wait_for(lambda: self._free > 0 or stop_token.stopped)
            stop_token.check()  # where the wake-up of a place that came free was ours, the stop wakes all others
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()  # one: with hundreds waiting, waking all for each place costs seconds

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
