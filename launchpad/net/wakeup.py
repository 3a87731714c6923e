"""A bell: how any thread wakes the one that waits, also while that one waits for a socket."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from typing import Protocol

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class HasFileno(Protocol):
    def fileno(self) -> int: ...


class Wakeup:
    """Rung by any thread, heard by one. It goes on sounding until it is hushed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both ends, which are the same descriptor where the system has eventfd
        self._sockets = () if hasattr(os, "eventfd") else socket.socketpair()
        self._listening = (
            self._sockets[0].fileno() if self._sockets else os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        )
        for end in self._sockets:
            end.setblocking(False)
        self._closed = False

    def set(self) -> None:
        """Any thread; after close, nothing."""
        with self._lock:
            if self._closed:
                return
            try:
                if self._sockets:
                    self._sockets[1].send(b"\1")
                else:
                    os.eventfd_write(self._listening, 1)
            except BlockingIOError:
                pass  # it sounds already

    def clear(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                if self._sockets:
                    self._sockets[0].recv(4096)
                else:
                    os.eventfd_read(self._listening)
            except BlockingIOError:
                pass  # it was silent

    def wait(self, timeout: float | None, *others: HasFileno) -> bool:
        """Waits until it sounds or one of `others` can be read; False if `timeout` seconds passed first."""
        with _Selector() as selector:
            selector.register(self._listening, selectors.EVENT_READ)
            for one in others:
                selector.register(one, selectors.EVENT_READ)
            return bool(selector.select(timeout))

    def close(self) -> None:
        """By the thread that waits, or when it waits no more. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._sockets:
                for end in self._sockets:
                    end.close()
            else:
                os.close(self._listening)
