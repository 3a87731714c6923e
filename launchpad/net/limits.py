"""Limits of what an engine sends: the size of a response, and of a line of a stream."""

from __future__ import annotations

import http.client
import io
import time
from typing import Any

from ..core.retries import Transient

MAX_RESPONSE = 128 * 1024 * 1024
"""Bytes of a response that is read whole, such as a list of containers or of Jobs."""

MAX_HEADS = 20
"""Heads of a response: interim ones (status 100) and the final one."""

MAX_LINE = 16 * 1024 * 1024
"""Bytes of a line of a stream, such as an event with its whole object."""

NOT_UNDERSTOOD = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
"""What the code that reads a response raises if the response has another form."""


class ResponseTooLarge(Exception):
    """A response has more than `MAX_RESPONSE` bytes, or says that it will, or has too many heads."""

    def __init__(self) -> None:
        super().__init__(f"its response has more than {MAX_RESPONSE // 1024**2} MiB, or more than {MAX_HEADS} heads")


class LimitedResponse(http.client.HTTPResponse):
    """A response of http.client that raises ResponseTooLarge, and never allocates memory for what is announced.

    TimeoutError if it is not complete within the time-out of the socket, counted from its first byte.
    """

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        stream: Any = self.fp
        self.fp = io.BufferedReader(_LimitedStream(stream.detach(), sock.gettimeout()))
        self._heads_left = MAX_HEADS

    def begin(self) -> None:
        super().begin()
        if self.length is not None and self.length > MAX_RESPONSE:
            raise ResponseTooLarge

    def _read_status(self) -> tuple[str, int, str]:
        self._heads_left -= 1
        if self._heads_left < 0:
            raise ResponseTooLarge
        line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        return line

    def _safe_read(self, amt: int) -> bytes:
        if amt > MAX_RESPONSE:
            raise ResponseTooLarge
        data: bytes = super()._safe_read(amt)  # type: ignore[misc]
        return data


class _LimitedStream(io.RawIOBase):
    """Reads a stream up to the limit, for `timeout` seconds at most (None: without limit)."""

    def __init__(self, stream: io.RawIOBase, timeout: float | None) -> None:
        super().__init__()
        self._stream = stream
        self._left = MAX_RESPONSE
        self._timeout = timeout
        self._deadline: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        size: int | None = self._stream.readinto(buffer)
        self._left -= size or 0
        if self._left < 0:
            raise ResponseTooLarge
        if self._timeout is not None:
            self._check_time(self._timeout)
        return size

    def _check_time(self, timeout: float) -> None:
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + timeout
        if now > self._deadline:  # a server that sends a byte now and then never lets the socket time out
            raise TimeoutError(f"the response was not complete within {timeout:g} s")

    def close(self) -> None:
        super().close()
        self._stream.close()


class LineSplitter:
    """Cuts a stream into lines without their newlines. Transient if a line is longer than `MAX_LINE`."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without the empty ones."""
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = b"".join([*self._held, lines[0]])
            self._held, self._size = [], 0
        self._held.append(rest)
        self._size += len(rest)
        if self._size > MAX_LINE:
            raise Transient(f"a line of the response has more than {MAX_LINE // 1024**2} MiB")
        return [line for line in lines if line.strip()]

    def finish(self) -> list[bytes]:
        """A last line without a newline, at the end of the stream."""
        return self.feed(b"\n")
