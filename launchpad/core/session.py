"""`Session`: what a launcher opens on first use and its threads share: a backend, and the supervisors of its runs.

The backend may be that of other sessions: those with the same key share one, and those that were made to share one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakSet, WeakValueDictionary

from ..models import Handle, Run
from ..text import escaped
from .backend import Backend, Unit
from .stopper import Stopper
from .supervisor import Supervisor

T = TypeVar("T")


class _ByProcess(Generic[T]):
    """An object for each process: after a fork, the child starts with a new one.

    Sockets and threads stay behind, and locks of the parent may have been held at the fork.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: dict[int, T] = {}

    @property
    def here(self) -> T:
        pid = os.getpid()
        return self._made.get(pid) or self._made.setdefault(pid, self._make())  # atomic: no lock is needed


class _Connection:
    """A backend in one process, and the sessions that use it. The last of them to be closed closes it.

    A session that was garbage-collected counts as closed.
    """

    def __init__(self) -> None:
        self.key: Hashable = None  # guarded by the lock of the registry
        self.lock = threading.Lock()  # guards the next two
        self.backend: Backend | None = None
        self.users: WeakSet[Session] = WeakSet()
        self.stopper = Stopper()


class _Registry:
    """The connections of one process by their keys, as long as a session refers to them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connections: WeakValueDictionary[Hashable, _ByProcess[_Connection]] = WeakValueDictionary()


class _Followed:
    """The supervisors of one session in one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.supervisors: dict[Handle, Supervisor] = {}


_registry = _ByProcess(_Registry)


class Session:
    """One backend, opened on first use, and the supervisors of its runs. Thread-safe.

    A copy in another process (pickle, fork) starts empty.
    """

    def __init__(self) -> None:
        self._connection = _ByProcess(_Connection)
        self._followed = _ByProcess(_Followed)

    def __reduce__(self) -> tuple[type[Session], tuple[()]]:
        return (type(self), ())

    @property
    def stopper(self) -> Stopper:
        """Carries out the stops of runs whose polling thread cannot be woken."""
        return self._connection.here.stopper

    def share(self, other: Session) -> None:
        """Makes this new session use the connection of `other`, whether or not that is open."""
        self._connection = other._connection
        here = self._connection.here
        with here.lock:
            here.users.add(self)

    def backend(self, connect: Callable[[], Backend], key: Callable[[], Hashable] = lambda: None) -> Backend:
        """The backend. If there is none, it is that of the sessions with the same `key()`, or `connect()` makes it.

        A session whose key is None has the connection of others by `share` alone.
        """
        here = self._connection.here
        with here.lock:
            if here.backend is not None:
                here.users.add(self)
                return here.backend
        here = self._join(key())
        with here.lock:
            here.users.add(self)
            if here.backend is None:
                here.backend = connect()
            return here.backend

    def _join(self, key: Hashable) -> _Connection:
        """The connection of the sessions with this key, which this session uses from now on."""
        before, registry = self._connection, _registry.here
        if key is None:
            return before.here
        with registry.lock:
            if before.here.key == key:
                return before.here
            found = registry.connections.get(key)
            if found is None:
                found = before if before.here.key is None else _ByProcess(_Connection)
                found.here.key = key
                registry.connections[key] = found
            self._connection = found
        if found is not before:
            with before.here.lock:
                before.here.users.discard(self)
        return found.here

    def add(self, supervisor: Supervisor) -> Supervisor:
        """Keeps the supervisor of a run that was just started, in place of any other for its handle."""
        here = self._followed.here
        with here.lock:
            here.supervisors[supervisor.handle] = supervisor
        return supervisor

    def add_if_new(self, supervisor: Supervisor) -> Supervisor:
        """Keeps `supervisor`, or returns the one that is kept already for its handle."""
        here = self._followed.here
        with here.lock:
            return here.supervisors.setdefault(supervisor.handle, supervisor)

    def follow(self, handle: Handle, find: Callable[[], Unit], grace: float) -> Supervisor:
        """The supervisor of a run that was started before: the one that is kept, or one for the unit from `find()`."""
        if (known := self.get(handle)) is not None:
            return known
        unit = find()
        name = escaped(handle.name)  # that of another process: any text
        run = Run(command=[name or handle.id], name=name, id=handle.run_id)
        found = Supervisor(unit, run, grace, unit.deadline, self.stopper, unit.attempt)
        kept = self.add_if_new(found)
        if kept is not found:
            found.close()
        return kept

    def get(self, handle: Handle) -> Supervisor | None:
        here = self._followed.here
        with here.lock:
            return here.supervisors.get(handle)

    def forget(self, handle: Handle) -> None:
        here = self._followed.here
        with here.lock:
            supervisor = here.supervisors.pop(handle, None)
        if supervisor is not None:
            supervisor.close()

    def close(self) -> None:
        """Closes the supervisors, and the backend if no other session uses it. Idempotent.

        The next use opens another backend, or has the one that others have open.
        """
        here, followed, backend = self._connection.here, self._followed.here, None
        with here.lock:
            here.users.discard(self)
            if not here.users:
                backend, here.backend = here.backend, None
        with followed.lock:
            supervisors, followed.supervisors = list(followed.supervisors.values()), {}
        try:
            if backend is not None:
                backend.close()
        finally:
            for supervisor in supervisors:
                supervisor.close()
