"""How a thread stops a launch of another thread (`StopToken`), and how starts are limited (`StartLimiter`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopped(Exception):
    """A launch was given up because its stop was requested. Internal: callers of launchpad never get it."""


class StopToken:
    """A stop of one launch that any thread can request, and that wakes every wait of the launch. Thread-safe.

    The launch makes the token, and passes it to everything that waits for it. A second request can add `hurry`.
    """

    def __init__(self) -> None:
        self.stopped = False  # this and the next are set by `stop` only
        self.hurried = False
        self._interrupted = False  # the last `stop` was interrupted before all listeners were called
        self._lock = threading.Lock()  # guards the listeners, and orders `stop` and `on_stop`
        self._listeners: list[Callable[[], None]] = []

    def stop(self, *, hurry: bool = False) -> None:
        """Requests the stop; with `hurry`, without grace. Each new request calls the listeners, in this thread."""
        try:
            with self._lock:
                if self.stopped and (self.hurried or not hurry) and not self._interrupted:
                    return
                self.hurried = self.hurried or hurry
                self.stopped = True
                self._interrupted = False
                listeners = list(self._listeners)
            for listener in listeners:
                listener()
        except BaseException:
            self._interrupted = True
            raise

    def on_stop(self, listener: Callable[[], None]) -> None:
        """Has `listener` called at each new request; at once, in this thread, if there was one before."""
        with self._lock:
            self._listeners.append(listener)
            stopped = self.stopped
        if stopped:
            listener()

    def off_stop(self, listener: Callable[[], None]) -> None:
        """Removes a listener."""
        with self._lock:
            self._listeners.remove(listener)

    def listening(self, listener: Callable[[], None]) -> Listening:
        """A context manager: `listener` is registered during the block."""
        return Listening(self, listener)

    def check(self) -> None:
        """Raises Stopped if the stop was requested."""
        if self.stopped:
            raise Stopped

    def sleep(self, delay: float) -> None:
        """Sleeps `delay` seconds; raises Stopped as soon as the stop is requested."""
        woken = threading.Event()
        with self.listening(woken.set):
            woken.wait(delay)
        self.check()


class Listening:
    """Registers a listener at a StopToken for the time of a `with` block."""

    def __init__(self, stop_token: StopToken, listener: Callable[[], None]) -> None:
        self._stop_token = stop_token
        self._listener = listener

    def __enter__(self) -> None:
        self._stop_token.on_stop(self._listener)

    def __exit__(self, *error: object) -> None:
        self._stop_token.off_stop(self._listener)


class StartLimiter:
    """Limits how many starts are in progress at once, to `places`. Thread-safe."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, stop_token: StopToken) -> Iterator[None]:
        """Waits for a place, and holds it during the block; raises Stopped as soon as `stop_token` is stopped."""
        with stop_token.listening(self._wake), self._changed:
            self._changed.wait_for(lambda: self._free > 0 or stop_token.stopped)
            stop_token.check()  # if this consumed the notification of a free place, the stop has woken the others
            self._free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify()  # notify_all() would cost seconds with hundreds of waiting threads

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
