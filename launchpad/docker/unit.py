"""One container that was started, as this process follows it."""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from ..core.backend import Chunk, Exit, Unit
from ..errors import EngineUnavailable, LaunchError
from ..models import Handle
from ..net.exchange import StreamingResponse
from .connections import readable
from .diagnosis import Termination, exit_of
from .output import RunOutput
from .status import Ended, Fact, Gone, OutOfMemory, Started, State
from .stopping import StopRequest

GONE_FIRST = 1.0
"""Seconds that a container's end may be told after its removal, where both are told late."""

UNREAD = 2.0
"""Seconds after which a unit that nobody polls lets go of its output: of a run that was only started."""

DOUBT = 1.0
"""Seconds after which an exit code is asked for that may be made up: an engine that goes down says 255."""

_logger = logging.getLogger("launchpad")


class Calls(Protocol):
    """What a unit asks of the engine. LaunchError where it cannot be had, for an engine out of reach after a while."""

    def state(self, container: str) -> State | None:
        """The container's state; None where it is gone."""
        ...

    def discard(self, container: str) -> None:
        """Removes the container, whatever state it is in."""
        ...

    def send(self, container: str, order: str, query: dict[str, str | int | None]) -> StreamingResponse:
        """Sends an order whose answer is not waited for. Transient."""
        ...

    def leave(self, container: str, unit: DockerUnit) -> None:
        """Tells the unit nothing more."""
        ...


class DockerUnit(Unit):
    """Follows a container: its facts come from the watcher's thread, its output is read by the thread that polls."""

    def __init__(self, handle: Handle, calls: Calls, transcript: RunOutput | None, *, auto_remove: bool) -> None:
        self.handle = handle
        self._calls = calls
        self._transcript = transcript
        self._auto_remove = auto_remove
        self._order = StopRequest(handle.id, calls)
        self._exit: Exit | None = None
        self._known = threading.Lock()  # guards what the watcher tells, and the wake-up's life
        self._ending = Termination()
        self._gone_at: float | None = None
        self._failure: LaunchError | None = None
        self._closed = False
        self._polled = False
        self._made_at = time.monotonic()
        self._woken, self._wake = socket.socketpair()
        for end in (self._woken, self._wake):
            end.setblocking(False)

    # Called by any thread.

    def notify(self, fact: Fact) -> None:
        with self._known:
            if isinstance(fact, Started):
                self._ending.started_at = fact.at
            elif isinstance(fact, OutOfMemory):
                self._ending.oom = True
            elif isinstance(fact, Gone):
                self._gone_at = self._gone_at or time.monotonic()
            else:
                self._ending.hear(fact)
        if isinstance(fact, Ended | Gone):
            self.wake()

    def fail(self, error: LaunchError) -> None:
        self._failure = error
        self.wake()

    def let_go_if_unread(self) -> bool:
        """Leaves the output to the engine where nobody reads it; whether that is decided."""
        with self._known:
            if self._polled or self._closed or self._transcript is None:
                return True
            if time.monotonic() < self._made_at + UNREAD:
                return False
            self._transcript.let_go()
            return True

    def wake(self) -> bool:
        with self._known:
            if not self._closed:
                with contextlib.suppress(BlockingIOError):  # it is full of them
                    self._wake.send(b"!")
        return True

    # Called by the thread that polls.

    def poll(self, timeout: float | None) -> Sequence[Chunk | Exit]:
        if self._exit is not None:
            return [self._exit]
        with self._known:
            self._polled = True
        if self._closed:
            raise EngineUnavailable(
                f"Container {self.handle.name!r} is not followed any more: its launch was given up."
            )
        self._wait(timeout)
        self._order.follow_up()
        heard_at = self._ending.heard_at
        events: list[Chunk | Exit] = []
        if self._transcript is not None and not self._transcript.is_complete:
            events += self._transcript.take(heard_at)
        if heard_at is None:
            self._check_that_it_can_end()
        elif self._transcript is None or self._transcript.is_complete:
            self._conclude(events)
        return events

    def has_ended(self) -> bool:
        return self._ending.end is not None

    def terminate(self, grace: float) -> bool:
        self._ending.by_us = True
        self._order.give("stop", {"t": math.ceil(grace)})
        return True

    def kill(self) -> None:
        self._ending.by_us = True
        give = self._order.give_once if self._closed else self._order.give
        give("kill", {"signal": "SIGKILL"})

    def close(self) -> None:
        with self._known:
            if self._closed:
                return
            self._closed = True
            self._wake.close()
        self._calls.leave(self.handle.id, self)
        self._woken.close()
        self._order.close()
        if self._transcript is not None:
            self._transcript.close()

    def _wait(self, timeout: float | None) -> None:
        times = [at for at in self._due() if at is not None]
        if times:
            left = max(0.0, min(times) - time.monotonic())
            timeout = left if timeout is None else min(timeout, left)
        sources = [self._woken, self._order.answer, self._transcript.source if self._transcript else None]
        readable([source for source in sources if source is not None], timeout)
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)

    def _due(self) -> list[float | None]:
        """When (monotonic) something is to be done though nothing comes."""
        heard_at = self._ending.heard_at
        silent = self._transcript is None or self._transcript.is_complete
        return [
            self._order.due,
            None if self._gone_at is None or heard_at is not None else self._gone_at + GONE_FIRST,
            None if silent or self._transcript is None else self._transcript.due(heard_at),
            heard_at + DOUBT if heard_at is not None and silent and self._ending.is_doubtful else None,
        ]

    def _check_that_it_can_end(self) -> None:
        if self._failure is not None:
            raise self._failure
        with self._known:
            if self._gone_at is not None and time.monotonic() >= self._gone_at + GONE_FIRST:
                self._ending.vanish()

    def _conclude(self, events: list[Chunk | Exit]) -> None:
        if self._ending.is_doubtful and not self._is_certain():
            return
        if self._ending.needs_a_look:
            self._look()
        if self._auto_remove:
            self._remove()
        self._exit = exit_of(self._ending)
        events.append(self._exit)

    def _is_certain(self) -> bool:
        """Whether the end is what the engine says when it is asked, now that it had time to go down and come back."""
        heard_at = self._ending.heard_at
        assert heard_at is not None
        if time.monotonic() < heard_at + DOUBT:
            return False
        state = self._calls.state(self.handle.id)
        with self._known:
            if state is not None and not state.ended:
                self._ending.forget()
                return False
            self._ending.learn(state)
            return True

    def _look(self) -> None:
        """For a container that was killed, and not by us: asks whether it is being removed, or was out of memory."""
        try:
            state = self._calls.state(self.handle.id)
        except LaunchError:
            return
        self._ending.learn(state)

    def _remove(self) -> None:
        try:
            self._calls.discard(self.handle.id)
        except LaunchError as error:
            _logger.warning("Container %r could not be removed: %s", self.handle.name, error)
