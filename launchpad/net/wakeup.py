"""Waiting for several sockets at once, and waking the thread that does."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import socket


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def readable(sources: Sequence[HasFileno], timeout: float | None) -> bool:
    """Waits until one of `sources` can be read or has failed; False if `timeout` seconds (None: no limit) passed."""
    if not hasattr(select, "poll"):
        return bool(select.select(sources, [], [], timeout)[0])
    poll = select.poll()
    for source in sources:
        poll.register(source.fileno(), select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))


class Wakeup:
    """Wakes a thread that waits for it and for sockets. Level-triggered: stays set until cleared.

    Any thread may call any method; `wait` must have returned before `close`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._sockets = () if hasattr(os, "eventfd") else _socket_pair()
        self._fd = self._sockets[0].fileno() if self._sockets else os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_set = False

    def fileno(self) -> int:
        """A descriptor that can be read while this is set; -1 after `close`."""
        return self._fd

    def set(self) -> None:
        """Wakes the thread that waits, or the next one that will. Does nothing after `close`."""
        with self._lock:
            if self._is_set or self._fd < 0:
                return
            self._is_set = True
            if self._sockets:
                self._sockets[1].send(b"\1")
            else:
                os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        with self._lock:
            if not self._is_set or self._fd < 0:
                return
            self._is_set = False
            if self._sockets:
                self._sockets[0].recv(1)
            else:
                os.eventfd_read(self._fd)

    def wait(self, timeout: float | None, *others: HasFileno) -> bool:
        """Waits until this is set or one of `others` can be read; False if `timeout` seconds (None: no limit) passed.

        Raises ValueError after `close`.
        """
        return readable([self, *others], timeout)

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._fd < 0:
                return
            if self._sockets:
                for end in self._sockets:
                    end.close()
            else:
                os.close(self._fd)
            self._fd = -1


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    import socket  # takes a few ms to import: only for systems without eventfd

    return socket.socketpair()
