"""A server that speaks HTTP, and another answer than the engine's to some requests."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress


def answer(body: object, status: str = "200 OK", kind: str = "application/json", length: int | None = None) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length or len(data)}\r\n\r\n"
    return head.encode() + data


ODD: Mapping[str, bytes] = {
    "a page of HTML": answer(b"<html>" + b"x" * 100_000, kind="text/html"),
    "nothing": b"",
    "a list": answer([1, "a", None]),
    "text": answer("ok"),
    "a number": answer(5),
    "null": answer(None),
    "another object": answer({"a": 1, "metadata": [], "items": {}, "message": 5, "object": "x", "error": {}}),
    "deep lists": answer(b"[" * 100_000),
    "no JSON": answer(b"\xff\x00{"),
    "a body that is cut off": answer({"Id": "x"}, length=1000),
    "a body without an end": answer(b"{}", length=10**17),
    "a redirect": answer(b"", "302 Found\r\nLocation: /other"),
    "a refusal as HTML": answer(b"<html>", "404 Not Found", "text/html"),
    "a failure as HTML": answer(b"<html>", "500 Error", "text/html"),
    "HTTP 0.9": b"hello\n",
    "HTTP 2": b"HTTP/2 200\r\n\r\n",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "a head without an end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000,
    "heads without an end": b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" * 100_000,
    "a line without an end": b"HTTP/1.1 200 " + b"x" * 1_000_000,
    "a chunk size without an end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 1_000_000,
    "a chunk too large": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n{}",
}


class Slow(bytes):
    """An answer whose last byte is sent again and again, a few times a second, until the client leaves."""


class OddServer:
    """Answers a request as the first matching pattern of `normal` says, and with `odd` all others.

    An answer that ends in an empty line without a length is followed by silence.
    """

    def __init__(self, listener: socket.socket, odd: bytes, normal: Mapping[str, bytes]) -> None:
        self.requests: list[str] = []
        self._listener, self._odd, self._normal = listener, odd, normal
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, name="odd server", daemon=True).start()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), name="odd server", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError):  # the test is over, and `close` has closed the connection
            request = connection.recv(65536)
            name = " ".join(request.decode("latin-1").split(" ")[:2])
            self.requests.append(name)
            said = next((one for pattern, one in self._normal.items() if re.search(pattern, name)), self._odd)
            connection.sendall(said)
            while isinstance(said, Slow):
                if select.select([connection], [], [], 0.1)[0] and not connection.recv(65536):
                    break
                connection.sendall(said[-1:])
            if said is not self._odd and said.endswith(b"\r\n\r\n"):
                connection.recv(65536)  # the client ends it
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
        connection.close()


@contextmanager
def odd_server(odd: bytes, normal: Mapping[str, bytes] = {}) -> Iterator[tuple[OddServer, str]]:
    """A server and its address, host:port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = OddServer(listener, odd, normal)
    try:
        yield server, f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.close()
