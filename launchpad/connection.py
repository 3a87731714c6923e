"""What a launcher opens on first use and shares among its threads: the backend, and the runs that are followed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from .backend import Backend
from .following import Following
from .models import Handle


class Connection:
    """Holds one backend, made when it is first needed, and what it follows. Thread-safe.

    A copy that crosses to another process (pickle, fork) starts empty: sockets and threads do not come along.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._pid = os.getpid()
        self._backend: Backend | None = None
        self._followings: dict[Handle, Following] = {}

    def __reduce__(self) -> tuple[type[Connection], tuple[()]]:
        return (type(self), ())

    def backend(self, connect: Callable[[], Backend]) -> Backend:
        """The backend, by `connect()` where there is none yet."""
        if self._pid != os.getpid():  # forked: the threads and locks of the parent are not ours
            self._reset()
        with self._lock:
            if self._backend is None:
                self._backend = connect()
            return self._backend

    def add(self, following: Following) -> Following:
        """Keeps `following`, or gives the one that is there already for its handle."""
        with self._lock:
            return self._followings.setdefault(following.handle, following)

    def get(self, handle: Handle) -> Following | None:
        with self._lock:
            return self._followings.get(handle)

    def forget(self, handle: Handle) -> None:
        with self._lock:
            following = self._followings.pop(handle, None)
        if following is not None:
            following.close()

    def close(self) -> None:
        """Closes the backend; the next use makes another. Idempotent."""
        with self._lock:
            backend, self._backend = self._backend, None
            followings, self._followings = list(self._followings.values()), {}
        if backend is not None:
            backend.close()
        for following in followings:
            following.close()
