"""A connection whose answer takes hours: opened without waiting for its head, and read without blocking.

The API server sends the head of a log's answer when the log's first line comes, and not before.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping

from ..core.retries import Transient
from ..errors import LaunchError
from .answer import BadResponse, ResponseParser

READ_SIZE = 64 * 1024
LONGEST_REFUSAL = 64 * 1024

Refusal = Callable[[int, Mapping[str, str], bytes], LaunchError | Transient]

_KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # seconds, seconds, times


class Stream:
    """The body of one answer, as it comes. Owned by the thread that reads it."""

    def __init__(self, connection: socket.socket, refusal: Refusal) -> None:
        connection.setblocking(False)
        keep_alive(connection)
        self._socket = connection
        self._refusal = refusal
        self._answer = ResponseParser()
        self._refused = b""

    def fileno(self) -> int:
        """To wait with, after a read that gave nothing."""
        return self._socket.fileno()

    def read(self) -> bytes | None:
        """What has come since the last read; b"" is nothing yet, None the proper end.

        Transient where the connection broke, or what the server's refusal is translated to.
        """
        while not self._answer.complete:
            data = self._receive()
            if data is None:
                return b""
            body = self._take(data)
            if self._answer.status not in (None, 200):
                self._hold_refusal(body)
            elif body:
                return body
        self._raise_refusal()
        return None

    @property
    def accepted(self) -> bool:
        """Whether the server has said yes."""
        return self._answer.status == 200

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes | None:
        try:
            return self._socket.recv(READ_SIZE)
        except (ssl.SSLWantReadError, BlockingIOError):
            return None
        except OSError as error:
            raise Transient(f"the connection to the API server broke: {error}") from error

    def _take(self, data: bytes) -> bytes:
        try:
            if not data and not self._answer.finish():
                raise Transient("the API server closed the connection in the middle of an answer")
            return self._answer.feed(data) if data else b""
        except BadResponse as error:
            raise Transient(f"the answer of the API server cannot be read: {error}") from error

    def _hold_refusal(self, body: bytes) -> None:
        self._refused += body
        if len(self._refused) > LONGEST_REFUSAL:
            self._answer.complete = True

    def _raise_refusal(self) -> None:
        status = self._answer.status
        if status is not None and status != 200:
            raise self._refusal(status, self._answer.headers, self._refused)


def keep_alive(connection: socket.socket) -> None:
    """Has the system notice, and a router not forget, a connection on which nothing is said for long."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
