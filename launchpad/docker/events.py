"""The engine's events: one stream for all runs of a backend, and what it missed while it was broken."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ..core.retries import Transient
from ..errors import LaunchError
from ..net.exchange import StreamingResponse, refusal
from .connections import readable
from .status import Fact, Gone, State, fact_of

SIGN_OF_LIFE = 5.0
"""Seconds between two signs of life of a quiet stream."""

LISTING_LAG = 1.0
"""Seconds after which the engine's list surely shows what ended before: it says "running" for a while.

What the engine remembers of a break it tells at once, so that only what it has forgotten waits for the list.
"""

DISTRUST = 60.0
"""Seconds of silence after which a stream is opened anew: a connection may be dead, and nobody tells."""

ANSWER = 30.0
"""Seconds that the engine may take to begin the stream."""

_logger = logging.getLogger("launchpad")


class Asks(Protocol):
    """What the events need of the engine. All raise Transient where another try is worth it."""

    def open_events(self, since: str) -> StreamingResponse: ...

    def statuses(self, containers: list[str]) -> dict[str, str]:
        """Those of `containers` that there are, with their status in the engine's list."""
        ...

    def inspect(self, container: str) -> State | None: ...


class DockerEvents:
    """Where the facts of the containers in `watched` come from. Thread-safe.

    A stream begins where the last one ended, as far as the engine remembers; the rest is told by a listing.
    """

    def __init__(self, engine: Asks, now: str, tick: Callable[[], None]) -> None:
        self._engine = engine
        self._since = now  # in the engine's clock
        self._tick = tick  # called every few seconds by who follows a stream
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
        exchange = self._engine.open_events(self._since)
        try:
            self._check(exchange)
            return DockerEventStream(exchange, self._missed, self._seen, self._tick)
        except BaseException:
            exchange.close()
            raise

    def _check(self, exchange: StreamingResponse) -> None:
        try:
            if not exchange.answered(ANSWER):
                raise Transient(f"the engine did not answer within {ANSWER:g} s")
        except OSError as error:
            raise Transient(str(error)) from error
        if exchange.status != 200:
            message = refusal(exchange, ANSWER)
            if exchange.status in (429, 502, 503, 504):
                raise Transient(message)
            raise LaunchError(f"The engine does not tell its events: {message}")

    def _seen(self, since: str) -> None:
        self._since = since

    def _missed(self) -> list[tuple[str, Fact]]:
        """What the watched containers' states say; each that is not running is asked for the truth."""
        with self._lock:
            watched = list(self._watched)
        if not watched:
            return []
        statuses = self._engine.statuses(watched)
        alive = ("running", "created", "paused", "restarting")
        ended = [container for container in watched if statuses.get(container) not in alive]
        return [(container, fact) for container in ended for fact in self._facts(container)]

    def _facts(self, container: str) -> Iterable[Fact]:
        state = self._engine.inspect(container)
        return [Gone()] if state is None else state.facts()


class DockerEventStream:
    """An open stream of events. Iterated by one thread; closed by any."""

    def __init__(
        self,
        exchange: StreamingResponse,
        missed: Callable[[], list[tuple[str, Fact]]],
        seen: Callable[[str], None],
        tick: Callable[[], None],
    ) -> None:
        self._exchange = exchange
        self._missed = missed
        self._seen = seen
        self._tick = tick
        self._rest = b""
        self._lock = threading.Lock()  # guards the two below
        self._closed = False
        self._iterated = False

    def __iter__(self) -> Iterator[tuple[str, Fact] | None]:
        with self._lock:
            if self._closed:
                return
            self._iterated = True
        try:
            yield from self._told()
        finally:
            self._exchange.close()

    def _told(self) -> Iterator[tuple[str, Fact] | None]:
        look_at: float | None = time.monotonic() + LISTING_LAG
        quiet_since = time.monotonic()
        while not self._closed and time.monotonic() < quiet_since + DISTRUST:
            data = self._next(SIGN_OF_LIFE if look_at is None else LISTING_LAG)
            self._tick()
            if data:
                quiet_since = time.monotonic()
                yield from self._facts(data)
            if look_at is not None and time.monotonic() >= look_at:
                look_at = None
                yield from self._missed()
            if data is None:
                yield None

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if not self._iterated:  # else who iterates closes it: he may be waiting on it
                self._exchange.close()
        self._exchange.end()

    def _next(self, timeout: float) -> bytes | None:
        try:
            readable([self._exchange], timeout)
            data = self._exchange.read()
        except OSError as error:
            raise Transient(str(error)) from error
        if data == b"" and not self._closed:
            raise Transient("the engine ended its event stream")
        return data

    def _facts(self, data: bytes) -> Iterator[tuple[str, Fact]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not line.strip():
                continue
            event = json.loads(line)
            if nanoseconds := event.get("timeNano"):
                self._seen(f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}")
            if (told := fact_of(event)) is not None:
                yield told
