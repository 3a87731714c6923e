"""One HTTP request on a connection of its own, and its answer as it comes.

Ordinary requests go through docker-py. This is for those whose answer goes on: events, output and pulls, which must not
block whoever reads them; and for orders whose answer is not waited for.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ..core.retries import Transient
from ..docker.connections import readable

READ_SIZE = 64 * 1024
_LONGEST_HEAD = 64 * 1024

Query = Mapping[str, str | int | None]


class StreamingResponse:
    """A request that has been sent. One thread reads it; `end` may be called by any.

    The body comes as it is sent: the request is of HTTP/1.0, which knows no chunks, or asks for an upgrade.
    """

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self._connection = connection
        self._received = b""
        try:
            connection.sendall(request)
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise

    def fileno(self) -> int:
        return self._connection.fileno()

    def read(self) -> bytes | None:
        """What has come of the body by now: None if nothing has, b"" at its end. OSError where the connection broke."""
        if self.status is None and not self._has_head():
            return None
        if self._received:
            data, self._received = self._received, b""
            return data
        return self._receive()

    def answered(self, timeout: float | None = 0.0) -> bool:
        """Whether the answer's head has come, within `timeout` seconds. OSError where the connection broke."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.status is None and not self._has_head():
            left = None if until is None else until - time.monotonic()
            if (left is not None and left <= 0) or not readable([self], left):
                return False
        return True

    def read_all(self, timeout: float) -> bytes:
        """The body, which nothing was read of. TimeoutError where it pauses for more than `timeout` seconds."""
        whole = bytearray()
        while not self._is_whole(whole) and (data := self.read()) != b"":
            if data is not None:
                whole += data
            elif not readable([self], timeout):
                raise TimeoutError(f"the answer paused for more than {timeout:g} s")
        return bytes(whole)

    def end(self) -> None:
        """Makes reading come to its end; the connection is not closed yet."""
        with contextlib.suppress(OSError):
            # Not SSLSocket's own: that drops the encryption, under the thread that reads.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()

    def _is_whole(self, body: bytearray) -> bool:
        """Whether it is as long as its head says: an upgrade that is refused leaves the connection open."""
        length = self.headers.get("content-length", "")
        return length.isdigit() and len(body) >= int(length)

    def _has_head(self) -> bool:
        data = self._receive()
        if data is None:
            return False
        if data == b"":
            raise ConnectionResetError("the engine closed the connection without an answer")
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            if len(head) > _LONGEST_HEAD:
                raise ConnectionResetError("what answers does not speak HTTP")
            return False
        self._received = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        self.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        words = first.split(" ", 2)
        if not first.startswith("HTTP/") or not words[1].isdigit():
            raise ConnectionResetError("what answers does not speak HTTP")
        self.status = int(words[1])
        return True

    def _receive(self) -> bytes | None:
        try:
            return self._connection.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLEOFError:
            return b""


def request(method: str, path: str, query: Query = {}, headers: Mapping[str, str] = {}) -> bytes:
    """A request of HTTP/1.0: its answer comes as it is, and the connection ends with it."""
    return _request(f"{method} {_target(path, query)} HTTP/1.0", {**headers, "Content-Length": "0"})


def upgrade(path: str, query: Query = {}) -> bytes:
    """A POST that turns the connection into a raw stream."""
    headers = {"Connection": "Upgrade", "Upgrade": "tcp", "Content-Length": "0"}
    return _request(f"POST {_target(path, query)} HTTP/1.1", headers)


def refusal(exchange: StreamingResponse, timeout: float) -> str:
    """What an answer that is no success says, in the engine's words."""
    try:
        body = exchange.read_all(timeout).decode("utf-8", "replace").strip()
    except (OSError, TimeoutError) as error:
        raise Transient(f"the answer broke off: {error}") from error
    return message_of(body) or f"status {exchange.status}"


def message_of(body: str) -> str:
    """The `message` of an engine's JSON, or the text itself."""
    try:
        data: Any = json.loads(body)
        return str(data["message"])
    except (ValueError, KeyError, TypeError):
        return body


def _target(path: str, query: Query) -> str:
    pairs = {key: value for key, value in query.items() if value is not None}
    return quote(path) + (f"?{urlencode(pairs)}" if pairs else "")


def _request(line: str, headers: Mapping[str, str]) -> bytes:
    lines = [line, "Host: docker", "User-Agent: launchpad", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
