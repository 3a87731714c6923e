"""The engine's events: one stream for all runs of a backend, and a listing for what it missed while it was broken."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..limits import shown
from ..net.http import StreamingResponse
from ..net.limits import NOT_UNDERSTOOD, LineSplitter
from ..net.wakeup import readable
from .api import DockerApi
from .errors import ApiError
from .status import Fact, Gone, fact_of

QUIET_INTERVAL = 5.0
"""Seconds between two signs of life of a quiet stream."""

LISTING_INTERVAL = 1.0
"""Seconds after which the engine's list surely shows what ended before: it says "running" for a while.

Events that the engine remembers of a break come at once; only what it has forgotten waits for the list.
"""

SILENCE_TIMEOUT = 60.0
"""Seconds without an event after which the stream is opened again: its connection may be dead."""

HEAD_TIMEOUT = 30.0
"""Seconds in which the engine must begin the stream."""

EVENT_MEMORY = 256
"""Events that a Docker Engine remembers, until it is stopped."""

_NOT_ENDED = ("running", "created", "paused", "restarting")


def was_down_at(api: DockerApi, at: datetime) -> bool:
    """Whether the engine was started after this time. False if its memory of events does not show it.

    Podman's containers need no running engine: False.
    """
    if api.is_podman:
        return False
    moment = f"{at.timestamp():.6f}"
    earlier, now = api.past_events("0", moment)
    return earlier == 0 and api.past_events(moment, now)[0] < EVENT_MEMORY


class DockerEvents:
    """The facts of the containers that are watched. Thread-safe.

    A stream begins where the last one ended, as far as the engine remembers; a listing shows the rest.
    """

    def __init__(self, api: DockerApi, now: str, on_tick: Callable[[], None]) -> None:
        self._api = api
        self._since = now  # in the engine's clock
        self._on_tick = on_tick  # called every few seconds in the thread that iterates a stream
        self._lock = threading.Lock()  # guards the counts
        self._watched: Counter[str] = Counter()

    def watch(self, container: str) -> None:
        with self._lock:
            self._watched[container] += 1

    def leave(self, container: str) -> None:
        with self._lock:
            self._watched[container] -= 1
            if self._watched[container] <= 0:
                del self._watched[container]

    def open(self) -> DockerEventStream:
        response = self._api.open_events(self._since)
        try:
            response.wait_success(HEAD_TIMEOUT)
            return DockerEventStream(response, self._missed, self._seen, self._on_tick)
        except ApiError as error:
            response.close()
            raise LaunchError(f"The engine refuses its events: {error}") from None
        except BaseException:
            response.close()
            raise

    def _seen(self, since: str) -> None:
        self._since = since

    def _missed(self) -> list[tuple[str, Fact]]:
        """The facts of the watched containers that have ended, by an inspection of each."""
        with self._lock:
            watched = list(self._watched)
        if not watched:
            return []
        statuses = self._api.statuses(watched)
        ended = [container for container in watched if statuses.get(container) not in _NOT_ENDED]
        return [(container, fact) for container in ended for fact in self._facts(container)]

    def _facts(self, container: str) -> Iterable[Fact]:
        state = self._api.inspect(container)
        return [Gone()] if state is None else state.facts(missed=True)


class DockerEventStream:
    """An open stream of events. Iterated by one thread; closed by any."""

    def __init__(
        self,
        response: StreamingResponse,
        missed: Callable[[], list[tuple[str, Fact]]],
        on_seen: Callable[[str], None],
        on_tick: Callable[[], None],
    ) -> None:
        self._response = response
        self._missed = missed
        self._on_seen = on_seen
        self._on_tick = on_tick
        self._lines = LineSplitter()
        self._lock = threading.Lock()  # guards the two below
        self._closed = False
        self._iterated = False

    def __iter__(self) -> Iterator[tuple[str, Fact] | None]:
        with self._lock:
            if self._closed:
                return
            self._iterated = True
        try:
            yield from self._events()
        finally:
            self._response.close()

    def _events(self) -> Iterator[tuple[str, Fact] | None]:
        list_at: float | None = time.monotonic() + LISTING_INTERVAL
        quiet_since = time.monotonic()
        while not self._closed and time.monotonic() < quiet_since + SILENCE_TIMEOUT:
            data = self._read(QUIET_INTERVAL if list_at is None else LISTING_INTERVAL)
            self._on_tick()
            lines = self._lines.feed(data) if data else []
            if lines:  # a part of a line is no sign of life
                quiet_since = time.monotonic()
                yield from self._facts(lines)
            if list_at is not None and time.monotonic() >= list_at:
                list_at = None
                yield from self._missed()
            if data is None:
                yield None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if not self._iterated:  # else the thread that iterates closes it: it may be waiting for it now
                self._response.close()
        self._response.shutdown()

    def _read(self, timeout: float) -> bytes | None:
        readable([self._response], timeout)
        data = self._response.read()
        if data == b"" and not self._closed:
            raise Transient("the engine ended its event stream")
        return data

    def _facts(self, lines: list[bytes]) -> Iterator[tuple[str, Fact]]:
        for line in lines:
            try:
                event = json.loads(line)
                if nanoseconds := event.get("timeNano"):
                    self._on_seen(f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}")
                fact = fact_of(event)
            except NOT_UNDERSTOOD as error:
                text = shown(line.decode("utf-8", "replace"))
                raise EngineUnavailable(f"The events are not those of a Docker Engine: {text}.") from error
            if fact is not None:
                yield fact
