"""The time of a replay: it stands still while anything happens, and then goes to the next event or time-out at once."""

from __future__ import annotations

import math
import os
import socket
import threading
import time

from launchpad.net.wakeup import Clock, HasFileno, Wakeup, readable

from .world import World

SETTLE_TIMEOUT = 60.0
"""Seconds within which client and server must come to rest."""

EVENTS = "launchpad-events of"

CHECK_INTERVAL = 0.05
"""Seconds after which the sources of the run are looked at again, because they do not notify the world."""


class WaitsForEver(Exception):
    """A run waits without a time-out, and nothing will happen any more, or the replay is over."""


class ReplayClock(Clock):
    """Publishes the changes of a world when nothing else is left to be done.

    The thread that follows the run waits for the world; the watchers' threads wait for their streams.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[int, tuple[int, HasFileno]] = {}  # by thread: the port and the stream of its watch

    def now(self) -> float:
        return self._world.now

    def wait(self, wakeup: Wakeup, timeout: float | None, *others: HasFileno) -> bool:
        if threading.current_thread().name.startswith(("launchpad-jobs of", "launchpad-pods of", EVENTS)):
            return self._wait_for_stream(wakeup, *others)
        due = math.inf if timeout is None else self.now() + timeout
        while not self._has_news(wakeup, *others):
            if self._world.awaited and self._world.next_at is not None and self._world.next_at <= due:
                self._world.now = max(self.now(), self._world.next_at)
                raise KeyboardInterrupt
            if self.now() >= self._world.ends_at or (self._world.next_at is None and due == math.inf):
                raise WaitsForEver
            if self._world.next_at is None or due < self._world.next_at:
                self._world.now = due
                return False
            self._world.advance()
        return True

    def _wait_for_stream(self, wakeup: Wakeup, stream: HasFileno) -> bool:
        me = threading.get_ident()
        with self._world.rests:
            self._waiting[me] = (_port(stream), stream)
            self._world.rests.notify_all()
        try:
            return wakeup.wait(None, stream)
        finally:
            with self._world.rests:
                del self._waiting[me]

    def _has_news(self, *sources: HasFileno) -> bool:
        """Whether there is something to do, once client and server have come to rest."""
        end = time.monotonic() + SETTLE_TIMEOUT
        with self._world.rests:
            while not self._is_quiet(sources[1:]):
                if readable(sources, 0.0):
                    return True
                assert time.monotonic() < end, f"no rest: {self._world.idle}, {self._waiting}"
                self._world.rests.wait(CHECK_INTERVAL)
        return readable(sources, 0.0)

    def _is_quiet(self, logs: tuple[HasFileno, ...]) -> bool:
        waiting, idle = list(self._waiting.values()), self._world.idle
        kinds = sorted(idle.get(port, "") for port, _ in waiting)
        events = ["events"] if self._are_events_watched() else []
        quiet = kinds == [*events, "jobs", "pods"] and all(_port(log) in idle for log in logs)
        return quiet and not readable([stream for _, stream in waiting], 0.0)

    def _are_events_watched(self) -> bool:
        if self._world.cut:  # its server allows no events
            return False
        names = [thread.name for thread in threading.enumerate()]
        return any(name.startswith(EVENTS) and name.endswith(f"/{self._world.namespace}") for name in names)


def _port(stream: HasFileno) -> int:
    with socket.socket(fileno=os.dup(stream.fileno())) as copy:
        port: int = copy.getsockname()[1]
        return port
