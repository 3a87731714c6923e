"""Lines and responses without an end take a bounded amount of memory."""

from __future__ import annotations

import http.client
import io
import socket

import pytest

from launchpad.core.retries import Transient
from launchpad.net.http import StreamingResponse
from launchpad.net.limits import MAX_LINE, MAX_RESPONSE, LimitedResponse, LineSplitter, ResponseTooLarge


class Server(io.BytesIO):
    """A socket whose server has sent `data`, and then sends zeros for ever."""

    def __init__(self, data: bytes, timeout: float | None = None) -> None:
        self.data = data
        self.timeout = timeout

    def gettimeout(self) -> float | None:
        return self.timeout

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(Endless(self.data))


class Endless(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self.left = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self.left[: len(buffer)] or b"0" * len(buffer)
        self.left = self.left[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def read(response: LimitedResponse) -> None:
    response.begin()
    while response.read(1024 * 1024):
        pass


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n",
        b"Content-Length: 10000000000000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
    ],
)
def test_a_response_of_http_client_that_is_too_large_is_refused(head: bytes) -> None:
    response = LimitedResponse(Server(b"HTTP/1.1 200 OK\r\n" + head))  # type: ignore[arg-type]
    with pytest.raises(ResponseTooLarge):
        read(response)


def test_a_chunk_size_without_an_end_is_refused() -> None:
    response = LimitedResponse(Server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))  # type: ignore[arg-type]
    response.begin()
    with pytest.raises((ResponseTooLarge, http.client.HTTPException)):
        response.read()


def test_a_response_of_http_client_that_arrives_too_slowly_is_given_up() -> None:
    response = LimitedResponse(Server(b"HTTP/1.1 200 OK\r\n\r\n", timeout=0.0))  # type: ignore[arg-type]
    with pytest.raises(TimeoutError, match="not complete within 0 s"):
        read(response)


def test_a_streamed_body_that_is_too_large_or_drips_is_given_up() -> None:
    ours, engine = socket.socketpair()
    with engine:
        response = StreamingResponse(ours)
        engine.sendall(b"HTTP/1.1 200 OK\r\n\r\nx")
        with pytest.raises(Transient, match="not complete"):
            response.read_all(0.01)
        response.close()


def test_lines_are_cut_wherever_their_parts_end() -> None:
    lines = LineSplitter()
    assert lines.feed(b"a") == []
    assert lines.feed(b"b\n\nc\nd") == [b"ab", b"c"]
    assert lines.finish() == [b"d"]
    assert lines.finish() == []


def test_a_line_without_an_end_is_given_up() -> None:
    lines = LineSplitter()
    lines.feed(b"x" * MAX_LINE)
    with pytest.raises(Transient, match="a line of the response"):
        lines.feed(b"x")
    assert MAX_LINE < MAX_RESPONSE
