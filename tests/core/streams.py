"""Event streams, their opener and listeners that a test scripts, for watchers."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from launchpad import LaunchError
from launchpad.core.watcher import Watcher
from tests.helping import QUICK_TIMEOUT

Event = tuple[str | None, str] | None | BaseException


class Stream:
    """An event stream of what the test puts in; it raises an error that is put in, and END ends it."""

    END = ("", "END")

    def __init__(self, *events: Event) -> None:
        self.closed = threading.Event()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.put(*events)

    def put(self, *events: Event) -> None:
        for event in events:
            self._events.put(event)

    def __iter__(self) -> Iterator[tuple[str | None, str] | None]:
        while (event := self._events.get()) != Stream.END:
            if isinstance(event, BaseException):
                raise event
            yield event

    def close(self) -> None:
        self.closed.set()
        self.put(Stream.END)


class Events:
    """Opens the streams that the test has put in, in order; waits for one if there is none yet."""

    def __init__(self, *streams: Stream | BaseException) -> None:
        self.opened = 0
        self._streams: queue.SimpleQueue[Stream | BaseException] = queue.SimpleQueue()
        self.put(*streams)

    def put(self, *streams: Stream | BaseException) -> None:
        for stream in streams:
            self._streams.put(stream)

    def open(self) -> Stream:
        stream = self._streams.get(timeout=QUICK_TIMEOUT)
        self.opened += 1
        if isinstance(stream, BaseException):
            raise stream
        return stream


class Listener:
    """Keeps the facts and the error that it gets."""

    def __init__(self) -> None:
        self.facts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.failed = threading.Event()
        self.error: LaunchError | None = None

    def notify(self, fact: str) -> None:
        self.facts.put(fact)

    def fail(self, error: LaunchError) -> None:
        assert self.error is None, "failed twice"
        self.error = error
        self.failed.set()

    def next(self) -> str:
        return self.facts.get(timeout=QUICK_TIMEOUT)


class WatcherOfEvents(Watcher[str]):
    """A watcher whose `events` a test can look at."""

    def __init__(self, events: Events, longest_outage: float = QUICK_TIMEOUT) -> None:
        super().__init__(events, "engine", longest_outage)
        self.events = events


Watch = Callable[..., WatcherOfEvents]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "launchpad-engine"]
