"""HTTP/1.1 responses, parsed as they arrive and read without blocking.

This is for responses that last: event streams, output, logs, upgraded connections. One convention holds for all reads,
that of `socket.recv`: `bytes` is the next part of the body, b"" its end, and None means that nothing has arrived yet.
Why the parser is launchpad's own: docs/decisions/http-parser.rst.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

from ..core.retries import Transient
from .limits import MAX_RESPONSE, ResponseTooLarge
from .wakeup import readable

READ_SIZE = 64 * 1024
MAX_HEAD_SIZE = 64 * 1024
"""Bytes that the head of a response, or the trailer of a chunked one, may have."""

MAX_ERROR_SIZE = 64 * 1024
"""Bytes of the body of an error response that are kept."""

Query = Mapping[str, str | int | None]
ErrorFactory = Callable[[int, Mapping[str, str], bytes], Exception]
"""Makes an exception of the status, the headers (names in lowercase) and the body of an error response."""

_SWITCHING_PROTOCOLS = 101
_WITHOUT_BODY = (204, 304)
_STATUS_LINE = re.compile(r"HTTP/1\.[01] (\d{3})(?: |\Z)", re.ASCII)
_LENGTH = re.compile(r"\d{1,18}\Z", re.ASCII)
_FIRST_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")
_NEXT_CHUNK = re.compile(rb"\r\n" + _FIRST_CHUNK.pattern)
_KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # seconds, seconds, times


class BadResponse(Exception):
    """The data is not an HTTP/1.1 response, or it ends in the middle of one."""


class ResponseParser:
    """Parses one response from its bytes, without I/O. Interim responses (status 1xx) are skipped, except for 101."""

    def __init__(self) -> None:
        self.status: int | None = None
        """None until the head is complete."""
        self.headers: dict[str, str] = {}
        """Values by lowercase name."""
        self.complete = False
        """Whether the whole body has arrived. What follows it is ignored."""
        self._head_size = 0  # of all heads
        self._held = b""  # an incomplete head, chunk size or trailer
        self._chunk: re.Pattern[bytes] | None = None  # the next line of a chunked body; None: not chunked
        self._last_chunk = False
        self._remaining: int | None = None  # bytes to come of the body, or of the chunk; None: until the end

    def feed(self, data: bytes) -> bytes:
        """Returns the bytes of the body in `data`. Raises BadResponse."""
        if self.status is None:
            data = self._parse_heads(self._held + data)
        if self.complete or not data:
            return b""
        if self._chunk is not None:
            return self._decode_chunks(data)
        if self._remaining is None:
            return data
        data = data[: self._remaining]
        self._remaining -= len(data)
        self.complete = self._remaining == 0
        return data

    def finish(self) -> None:
        """Takes note that the connection was closed. Raises BadResponse in the middle of a response."""
        if self.status is None:
            raise BadResponse("the connection was closed without a response")
        if not self.complete and (self._chunk is not None or self._remaining is not None):
            raise BadResponse("the connection was closed in the middle of the response")
        self.complete = True

    def _parse_heads(self, data: bytes) -> bytes:
        """Parses heads up to the final one, and returns what follows it."""
        while self.status is None:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._hold(head)
                return b""
            self._head_size += len(head)
            if self._head_size > MAX_HEAD_SIZE:
                raise BadResponse(f"heads of more than {MAX_HEAD_SIZE} bytes")
            self._parse_head(head.decode("latin-1"))
            data = rest
        self._held = b""
        return data

    def _parse_head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        match = _STATUS_LINE.match(first)
        if match is None:
            raise BadResponse("the data is not an HTTP response")
        status = int(match[1])
        if 100 <= status < 200 and status != _SWITCHING_PROTOCOLS:
            return
        fields = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        if status != _SWITCHING_PROTOCOLS:
            self._find_length(status)
        self.status = status

    def _find_length(self, status: int) -> None:
        encoding, length = self.headers.get("transfer-encoding", "").lower(), self.headers.get("content-length")
        if status in _WITHOUT_BODY:
            self._remaining = 0
        elif encoding == "chunked":
            self._chunk, self._remaining = _FIRST_CHUNK, 0
        elif encoding not in ("", "identity"):
            raise BadResponse(f"the transfer encoding {encoding!r} is not supported")
        elif length is not None:
            if not _LENGTH.match(length):
                raise BadResponse(f"the content length {length!r} is not valid")
            self._remaining = int(length)
        self.complete = self._remaining == 0 and self._chunk is None

    def _decode_chunks(self, data: bytes) -> bytes:
        if self._held:
            data, self._held = self._held + data, b""
        body: list[bytes] = []
        at = 0
        while at < len(data):
            if self._remaining:
                piece = data[at : at + self._remaining]
                body.append(piece)
                at += len(piece)
                self._remaining -= len(piece)
                continue
            size = None if self._last_chunk else self._parse_size(data, at)
            if size is None:
                break
            at, self._remaining = size
            if self._remaining == 0:
                self._last_chunk = True
                at -= 2  # the trailer ends with an empty line, which may be the first
        self.complete = self._last_chunk and b"\r\n\r\n" in data[at:]
        self._hold(data[at:])
        return b"".join(body)

    def _parse_size(self, data: bytes, at: int) -> tuple[int, int] | None:
        """The end of the size of the chunk at `at`, and that size; None if it has not arrived."""
        assert self._chunk is not None
        match = self._chunk.match(data, at)
        if match is not None:
            self._chunk = _NEXT_CHUNK
            return match.end(), int(match[1], 16)
        before = 2 if self._chunk is _NEXT_CHUNK else 0  # the end of the chunk before
        if data.find(b"\r\n", at + before) >= 0 or not b"\r\n".startswith(data[at : at + before]):
            raise BadResponse("a chunk without a valid size")
        return None

    def _hold(self, data: bytes) -> None:
        if len(data) > MAX_HEAD_SIZE:
            raise BadResponse(f"a head of more than {MAX_HEAD_SIZE} bytes")
        self._held = data


class StreamingResponse:
    """The response on a connection of its own. One thread reads it; any thread may call `shutdown`.

    Sends `request`, or expects the response to one that was sent before. The constructor raises OSError, and closes the
    connection then. All other methods raise Transient if the connection breaks, if it is closed in the middle of the
    response, or if the response is not valid. With `error`, a status other than 101 and 2xx makes `read` raise
    `error(status, headers, body)` once the body has arrived.
    """

    def __init__(self, connection: socket.socket, request: bytes = b"", *, error: ErrorFactory | None = None) -> None:
        self._connection = connection
        self._error = error
        self._error_body = b""
        self._parser = ResponseParser()
        self._arrived = b""  # the beginning of the body, which came with the head
        try:
            if request:
                connection.sendall(request)
            connection.setblocking(False)
        except BaseException:
            connection.close()
            raise

    @property
    def status(self) -> int | None:
        """None until the head has been read."""
        return self._parser.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Values by lowercase name."""
        return self._parser.headers

    def fileno(self) -> int:
        """The descriptor to wait for, after a read that returned None: data may be held by the TLS layer until then."""
        return self._connection.fileno()

    def read(self) -> bytes | None:
        """Returns the next part of the body without waiting: None if none has arrived, b"" at the end."""
        data = self._read_body()
        if self._error is None or self.status is None or self._is_success(self.status):
            return data
        while data and len(self._error_body) < MAX_ERROR_SIZE:
            self._error_body += data
            data = self._read_body()
        if data is None and len(self._error_body) < MAX_ERROR_SIZE:
            return None
        raise self._error(self.status, self.headers, self._error_body)

    def wait_head(self, timeout: float | None = 0.0) -> bool:
        """Waits for the head, at most `timeout` seconds (None: without limit), and returns whether it has arrived."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.status is None:
            data = self._receive()
            if data is not None:
                self._arrived += self._parse(data)
                continue
            left = None if deadline is None else deadline - time.monotonic()
            if (left is not None and left <= 0) or not readable([self], left):
                return False
        return True

    def wait_success(self, timeout: float | None) -> None:
        """Waits for the head, and raises `error(…)` unless it is that of a success.

        Transient also if nothing arrives for `timeout` seconds (None: without limit).
        """
        if not self.wait_head(timeout):
            raise Transient(f"there was no response within {timeout:g} s")
        if self.status is not None and not self._is_success(self.status):
            self.read_all(timeout)

    def read_all(self, timeout: float | None, limit: int = MAX_RESPONSE) -> bytes:
        """Returns the body to its end. Transient also if it is not there within `timeout` seconds (None: no limit).

        ResponseTooLarge as soon as it has more than `limit` bytes.
        """
        parts: list[bytes] = []
        left = limit
        deadline = None if timeout is None else time.monotonic() + timeout
        while (data := self.read()) != b"":
            if data is not None:
                parts.append(data)
                left -= len(data)
                if left < 0:
                    raise ResponseTooLarge
            wait = None if deadline is None else deadline - time.monotonic()
            if (wait is not None and wait <= 0) or (data is None and not readable([self], wait)):
                raise Transient(f"the response was not complete within {timeout:g} s")
        return b"".join(parts)

    def send(self, data: bytes) -> int:
        """Sends what an upgraded connection takes of `data` without waiting, and returns how many bytes that are."""
        try:
            return self._connection.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0
        except OSError as error:
            raise Transient(f"the connection broke: {error}") from error

    def end_sending(self) -> None:
        """Tells the other end that nothing more is sent on an upgraded connection. It can still be read."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._connection, socket.SHUT_WR)  # not SSLSocket's, as in `shutdown`

    def shutdown(self) -> None:
        """Ends the stream for the thread that reads it; the connection stays open until `close`. Any thread."""
        with contextlib.suppress(OSError):
            # SSLSocket.shutdown would remove the encryption while another thread reads.
            socket.socket.shutdown(self._connection, socket.SHUT_RDWR)

    def close(self) -> None:
        self._connection.close()

    @staticmethod
    def _is_success(status: int) -> bool:
        return status == _SWITCHING_PROTOCOLS or 200 <= status < 300

    def _read_body(self) -> bytes | None:
        body, self._arrived = self._arrived, b""
        while not body and not self._parser.complete:
            data = self._receive()
            if data is None:
                return None
            body = self._parse(data)
        return body

    def _receive(self) -> bytes | None:
        try:
            return self._connection.recv(READ_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLEOFError:
            return b""
        except OSError as error:
            raise Transient(f"the connection broke: {error}") from error

    def _parse(self, data: bytes) -> bytes:
        try:
            if data:
                return self._parser.feed(data)
            self._parser.finish()
        except BadResponse as error:
            raise Transient(str(error)) from error
        return b""


def encode_request(
    method: str, path: str, query: Query = {}, headers: Mapping[str, str] = {}, *, version: str = "1.0"
) -> bytes:
    """Encodes a request without a body. Variables of `query` that are None are left out.

    A server does not chunk its response to HTTP/1.0, and closes the connection after it: the body needs no parsing.
    """
    variables = {key: value for key, value in query.items() if value is not None}
    target = quote(path) + (f"?{urlencode(variables)}" if variables else "")
    fields = {**headers, "User-Agent": "launchpad", "Content-Length": "0"}
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def keep_alive(connection: socket.socket) -> None:
    """Makes the system probe an idle TCP connection, so that a dead peer is noticed and routers keep the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
