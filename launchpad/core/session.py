"""`Session`: the backend and the supervisors that a launcher opens on first use and its threads share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from ..models import Handle, Run
from ..text import escaped
from .backend import Backend, Unit
from .stopper import Stopper
from .supervisor import Supervisor


class _Open:
    """The open objects of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()  # guards the two below
        self.backend: Backend | None = None
        self.supervisors: dict[Handle, Supervisor] = {}
        self.stopper = Stopper()


class Session:
    """One backend, opened on first use, and the supervisors of its runs. Thread-safe.

    A copy in another process (pickle, fork) starts empty, since sockets and threads stay behind, and locks of the
    parent may have been held at the fork.
    """

    def __init__(self) -> None:
        self._by_process: dict[int, _Open] = {}

    def __reduce__(self) -> tuple[type[Session], tuple[()]]:
        return (type(self), ())

    @property
    def _here(self) -> _Open:
        pid = os.getpid()
        return self._by_process.get(pid) or self._by_process.setdefault(pid, _Open())  # atomic: no lock is needed

    @property
    def stopper(self) -> Stopper:
        """Carries out the stops of runs whose polling thread cannot be woken."""
        return self._here.stopper

    def backend(self, connect: Callable[[], Backend]) -> Backend:
        """The backend; `connect()` makes it if there is none."""
        here = self._here
        with here.lock:
            if here.backend is None:
                here.backend = connect()
            return here.backend

    def add(self, supervisor: Supervisor) -> Supervisor:
        """Keeps the supervisor of a run that was just started, in place of any other for its handle."""
        here = self._here
        with here.lock:
            here.supervisors[supervisor.handle] = supervisor
        return supervisor

    def add_if_new(self, supervisor: Supervisor) -> Supervisor:
        """Keeps `supervisor`, or returns the one that is kept already for its handle."""
        here = self._here
        with here.lock:
            return here.supervisors.setdefault(supervisor.handle, supervisor)

    def follow(self, handle: Handle, find: Callable[[], Unit], grace: float) -> Supervisor:
        """The supervisor of a run that was started before: the one that is kept, or one for the unit from `find()`."""
        if (known := self.get(handle)) is not None:
            return known
        unit = find()
        name = escaped(handle.name)  # that of another process: any text
        run = Run(command=[name or handle.id], name=name, id=handle.run_id)
        found = Supervisor(unit, run, grace, unit.deadline, self.stopper)
        kept = self.add_if_new(found)
        if kept is not found:
            found.close()
        return kept

    def get(self, handle: Handle) -> Supervisor | None:
        here = self._here
        with here.lock:
            return here.supervisors.get(handle)

    def forget(self, handle: Handle) -> None:
        here = self._here
        with here.lock:
            supervisor = here.supervisors.pop(handle, None)
        if supervisor is not None:
            supervisor.close()

    def close(self) -> None:
        """Closes the backend; the next use makes another. Idempotent."""
        here = self._here
        with here.lock:
            backend, here.backend = here.backend, None
            supervisors, here.supervisors = list(here.supervisors.values()), {}
        try:
            if backend is not None:
                backend.close()
        finally:
            for supervisor in supervisors:
                supervisor.close()
