"""A unit that does what a test says, and its supervisor."""

from __future__ import annotations

import threading
from concurrent.futures import Future

from launchpad import Handle, Reason, Run
from launchpad.core.backend import Chunk, Exit, Unit
from launchpad.core.output import discard
from launchpad.core.stopper import Stopper
from launchpad.core.supervisor import Supervisor
from tests.helping import QUICK_TIMEOUT, in_thread

RUN = Run(command=["job"])
ENDED = Exit(exit_code=0, reason=Reason.COMPLETED)
KILLED = Exit(exit_code=-9, reason=Reason.FAILED)


class ScriptedUnit(Unit):
    """A unit that returns what the test puts in, and records its calls. It fails if two threads poll at once."""

    def __init__(self, *events: Chunk | Exit | Exception, ends_when: str = "") -> None:
        self.handle = Handle("scripted", "1", "job", "here", RUN.id)
        self.held = False
        self.asked: list[str] = []
        self.timeouts: list[float | None] = []
        self.polled = threading.Event()
        self._ends_when = ends_when
        self._events = list(events)
        self._exit: Exit | None = None
        self._woken = False
        self._changed = threading.Condition()
        self._polling = threading.Lock()

    @property
    def paused(self) -> bool:
        return self.held

    def put(self, *events: Chunk | Exit | Exception) -> None:
        with self._changed:
            self._events += events
            self._changed.notify_all()

    def poll(self, timeout: float | None) -> list[Chunk | Exit]:
        assert self._polling.acquire(blocking=False), "two threads poll at once"
        try:
            with self._changed:
                self.timeouts.append(timeout)
                self.polled.set()
                self._changed.wait_for(lambda: self._events or self._woken or self._exit, timeout)
                self._woken = False
                event = self._events.pop(0) if self._events else self._exit
        finally:
            self._polling.release()
        if isinstance(event, Exception):
            raise event
        self._exit = event if isinstance(event, Exit) else self._exit
        return [event] if event else []

    def has_ended(self) -> bool:
        return self._exit is not None or any(isinstance(event, Exit) for event in self._events)

    def wake(self) -> bool:
        with self._changed:
            self._woken = True
            self._changed.notify_all()
        return True

    def terminate(self, grace: float) -> bool:
        self._ask(f"terminate {grace:g}")
        return True

    def kill(self) -> None:
        self._ask("kill")

    def close(self) -> None:
        assert not self._polling.locked(), "closed while it is polled"
        self._ask("close")

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self._ends_when and what.startswith(self._ends_when):
            self.put(KILLED)


class Unwakeable(ScriptedUnit):
    """A unit whose poll only an event ends."""

    def wake(self) -> bool:
        return False


def supervise(unit: ScriptedUnit, grace: float = 60, timeout: float | None = None) -> Supervisor:
    return Supervisor(unit, RUN, grace, timeout, Stopper())


def polled(unit: ScriptedUnit, grace: float = 60, stopper: Stopper | None = None) -> tuple[Supervisor, Future[object]]:
    """Has another thread poll `unit`, and waits until it does."""
    supervisor = Supervisor(unit, RUN, grace, None, stopper or Stopper())
    outcome = in_thread(supervisor.wait, discard)
    assert unit.polled.wait(QUICK_TIMEOUT)
    return supervisor, outcome
