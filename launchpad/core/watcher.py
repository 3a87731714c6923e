"""`Watcher`: one thread and one event stream for all runs of a backend.

An engine provides an `Events`, which opens its stream of facts. Opening connects first and then lists, so that no fact
is missed in between; a broken stream is opened again, and its listing contains the facts of the meantime. A listener is
registered before its run is started, so that no end is missed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from ..errors import EngineUnavailable, LaunchError
from .cancellation import Stopped, StopToken
from .retries import BETWEEN_STREAMS, LONGEST_OUTAGE, Transient, reconnecting
from .shortages import advice_on

Fact = TypeVar("Fact")
Fact_co = TypeVar("Fact_co", covariant=True)
Fact_contra = TypeVar("Fact_contra", contravariant=True)

_logger = logging.getLogger("launchpad")


class EventStream(Protocol[Fact_co]):
    """An open stream of (key, fact) pairs: first the listing, then the events."""

    def __iter__(self) -> Iterator[tuple[str | None, Fact_co] | None]:
        """Yields facts; one without a key is for all listeners. None is a sign of life, sent every few seconds by a
        quiet engine. Transient when the stream breaks.
        """
        ...

    def close(self) -> None:
        """Ends the iteration, from any thread. Idempotent."""
        ...


class Events(Protocol[Fact_co]):
    """Opens the event streams of one engine."""

    def open(self) -> EventStream[Fact_co]:
        """Transient if another attempt may succeed, LaunchError if not."""
        ...


class Listener(Protocol[Fact_contra]):
    """Follows one run. Both methods are called in the watcher's thread, and must not block."""

    def notify(self, fact: Fact_contra) -> None: ...

    def fail(self, error: LaunchError) -> None:
        """Reports that no more facts will come."""
        ...


class Watcher(Generic[Fact]):
    """Passes every fact to the listeners of its key. Thread-safe.

    The thread runs while there are listeners; it ends at the first sign of life without any. If it cannot go on, for an
    unreachable engine or a defect, it fails all listeners.
    """

    def __init__(self, events: Events[Fact], name: str, longest_outage: float = LONGEST_OUTAGE) -> None:
        self._events = events
        self._name = name
        self._longest_outage = longest_outage
        self._stop_token = StopToken()
        self._lock = threading.Lock()  # guards all below
        self._listeners: dict[str, list[Listener[Fact]]] = {}
        self._thread: threading.Thread | None = None
        self._stream: EventStream[Fact] | None = None

    def register(self, key: str, listener: Listener[Fact], *, start: bool = True) -> None:
        """From now on `listener` gets the facts of `key`. EngineUnavailable after close.

        Without `start`, it gets them only while the thread runs, which other listeners start.
        """
        with self._lock:
            if self._stop_token.stopped:
                raise EngineUnavailable(f"The connection ({self._name}) is closed.")
            if self._thread is None and start:
                thread = threading.Thread(target=self._run, name=f"launchpad-{self._name}", daemon=True)
                thread.start()
                self._thread = thread
            if listener not in (listeners := self._listeners.setdefault(key, [])):
                listeners.append(listener)

    def unregister(self, key: str, listener: Listener[Fact]) -> None:
        """Removes a listener; a call of it may still be in progress. Idempotent."""
        with self._lock:
            listeners = [other for other in self._listeners.pop(key, ()) if other is not listener]
            if listeners:
                self._listeners[key] = listeners

    def close(self) -> None:
        """Ends the thread and its stream, and fails the remaining listeners. Idempotent."""
        self._stop_token.stop()  # first: a stream that is opened now is closed below, or by the thread
        with self._lock:
            thread, stream = self._thread, self._stream
        if stream is not None:
            stream.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._fail_all(EngineUnavailable(f"The connection ({self._name}) was closed while runs were followed."))

    def _run(self) -> None:
        follow = reconnecting(self._stop_token, self._longest_outage)
        try:
            while follow(self._follow_one_stream):
                self._stop_token.sleep(BETWEEN_STREAMS)
        except Stopped:
            self._give_up(EngineUnavailable(f"The connection ({self._name}) is closed."))
        except Transient as error:
            failure = EngineUnavailable(f"The events of {self._name} cannot be followed: {error}")
            failure.__cause__ = error.__cause__
            self._give_up(failure)
        except LaunchError as error:
            self._give_up(error)
        except BaseException as error:
            advice = advice_on(error)
            if advice is None:
                _logger.exception("The watcher of %s failed", self._name)
            self._give_up(EngineUnavailable(f"The events of {self._name} cannot be followed: {advice or repr(error)}"))

    def _follow_one_stream(self) -> bool:
        """Follows one stream until it breaks (True: open another) or there is no listener (False).

        Transient if it broke before its first event: then the engine counts as unreachable.
        """
        if self._ended_if_idle():
            return False
        stream = self._open()
        try:
            with self._lock:
                self._stream = stream
            self._stop_token.check()
            return self._pass_on(stream)
        finally:
            stream.close()

    def _open(self) -> EventStream[Fact]:
        try:
            return self._events.open()
        except OSError as error:
            if advice_on(error) is None:
                raise
            raise Transient(str(error)) from error  # of a shortage, which may pass

    def _pass_on(self, stream: EventStream[Fact]) -> bool:
        alive = False
        try:
            for event in stream:
                alive = True
                if event is not None:
                    self._notify(*event)
                elif self._ended_if_idle():
                    return False
        except Transient as error:
            if not alive:
                raise
            _logger.info("The event stream of %s broke and is opened again: %s", self._name, error)
        self._stop_token.check()
        return True

    def _notify(self, key: str | None, fact: Fact) -> None:
        with self._lock:
            keys = [key] if key is not None else list(self._listeners)
            registered = [(key, listener) for key in keys for listener in self._listeners.get(key, ())]
        for name, listener in registered:
            try:
                listener.notify(fact)
            except Exception as error:  # a defect of one listener must not affect the others
                _logger.exception("A listener of %s failed", name)
                self.unregister(name, listener)
                _fail(listener, EngineUnavailable(f"The events of {self._name} cannot be followed: {error!r}"))

    def _ended_if_idle(self) -> bool:
        with self._lock:
            if self._listeners:
                return False
            self._thread = self._stream = None
            return True

    def _give_up(self, error: LaunchError) -> None:
        if self._thread is threading.current_thread():  # else another thread serves the listeners
            self._fail_all(error)

    def _fail_all(self, error: LaunchError) -> None:
        with self._lock:
            listeners = [listener for registered in self._listeners.values() for listener in registered]
            self._listeners = {}
            self._thread = self._stream = None
        for listener in listeners:
            _fail(listener, error)


def _fail(listener: Listener[Any], error: LaunchError) -> None:
    try:
        listener.fail(error)
    except Exception:
        _logger.exception("A listener raised an error when its events ended")
