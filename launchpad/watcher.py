"""One thread and one event stream that tell all who follow runs of one backend what happened to theirs.

An engine gives an `Events`: a way to open its stream of facts. Opening connects first and lists then, so that nothing
falls between; a stream that breaks is opened anew, and its listing brings what was missed. Listeners are registered
before their run is started, so that no end can slip by.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from .control import Control, Stopped
from .errors import EngineUnavailable, LaunchError
from .retries import LONGEST_OUTAGE, Transient, reconnecting

Fact = TypeVar("Fact")
Fact_co = TypeVar("Fact_co", covariant=True)
Fact_contra = TypeVar("Fact_contra", contravariant=True)

_logger = logging.getLogger("launchpad")


class EventStream(Protocol[Fact_co]):
    """An open stream of (key, fact): first what a listing shows, then what happens, as it happens."""

    def __iter__(self) -> Iterator[tuple[str, Fact_co] | None]:
        """None is a sign of life, to come every few seconds from a quiet engine. Transient when the stream breaks."""
        ...

    def close(self) -> None:
        """Ends the iteration, from any thread. Idempotent."""
        ...


class Events(Protocol[Fact_co]):
    """Where the facts of one engine come from."""

    def open(self) -> EventStream[Fact_co]:
        """Transient where it is worth another try, LaunchError where it is not."""
        ...


class Listener(Protocol[Fact_contra]):
    """Who follows one run. Both are called in the watcher's thread and must not block."""

    def notify(self, fact: Fact_contra) -> None: ...

    def fail(self, error: LaunchError) -> None:
        """No more facts will come."""
        ...


class Watcher(Generic[Fact]):
    """Hands every fact to the listener registered under its key. Thread-safe.

    The thread runs while there are listeners, and ends at the first sign of life after the last one has left. If it
    cannot go on, for an engine out of reach or a fault of its own, it fails all listeners rather than go quiet.
    """

    def __init__(self, events: Events[Fact], name: str, longest_outage: float = LONGEST_OUTAGE) -> None:
        self._events = events
        self._name = name
        self._longest_outage = longest_outage
        self._lock = threading.Lock()  # guards all below
        self._listeners: dict[str, Listener[Fact]] = {}
        self._thread: threading.Thread | None = None
        self._stream: EventStream[Fact] | None = None
        self._control = Control()

    def register(self, key: str, listener: Listener[Fact]) -> None:
        """From now on `listener` hears of `key`. EngineUnavailable after close."""
        with self._lock:
            if self._control.stopped:
                raise EngineUnavailable(f"The connection ({self._name}) is closed.")
            self._listeners[key] = listener
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"launchpad-{self._name}", daemon=True)
                self._thread.start()

    def unregister(self, key: str) -> None:
        with self._lock:
            self._listeners.pop(key, None)

    def close(self) -> None:
        """Ends the thread and its stream, and fails who still listens. Idempotent."""
        with self._lock:
            thread, stream = self._thread, self._stream
        self._control.stop()
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._fail_all(EngineUnavailable(f"The connection ({self._name}) was closed while runs were followed."))

    def _run(self) -> None:
        try:
            while self._follow_one_stream():
                pass
        except Stopped:
            self._leave()
        except LaunchError as error:
            self._fail_all(error)
        except Exception as error:
            _logger.exception("The watcher of %s failed", self._name)
            self._fail_all(EngineUnavailable(f"The events of {self._name} cannot be followed: {error}"))

    def _follow_one_stream(self) -> bool:
        """Follows one stream until it breaks (True: open another) or nobody listens (False)."""
        try:
            stream = reconnecting(self._control, self._longest_outage)(self._events.open)
        except Transient as error:
            raise EngineUnavailable(f"The events of {self._name} cannot be followed: {error}") from error
        with self._lock:
            self._stream = stream
        try:
            self._control.check()
            return self._hand_out(stream)
        except Transient as error:
            _logger.info("The event stream of %s broke and is opened anew: %s", self._name, error)
            return True
        finally:
            stream.close()

    def _hand_out(self, stream: EventStream[Fact]) -> bool:
        for event in stream:
            if event is None:
                if self._left_if_idle():
                    return False
                continue
            key, fact = event
            with self._lock:
                listener = self._listeners.get(key)
            if listener is not None:
                listener.notify(fact)
        self._control.check()
        return True

    def _left_if_idle(self) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._thread = self._stream = None
            return True

    def _leave(self) -> None:
        with self._lock:
            self._thread = self._stream = None

    def _fail_all(self, error: LaunchError) -> None:
        with self._lock:
            listeners, self._listeners = list(self._listeners.values()), {}
            self._thread = self._stream = None
        for listener in listeners:
            listener.fail(error)
