"""HTTP responses in whatever pieces they arrive, and connections that break."""

from __future__ import annotations

import itertools
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchpad.core.retries import Transient
from launchpad.net.http import (
    MAX_ERROR_SIZE,
    MAX_HEAD_SIZE,
    BadResponse,
    ResponseParser,
    StreamingResponse,
    encode_request,
    keep_alive,
)
from launchpad.net.wakeup import readable

CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = CHUNKED_HEAD + b"4\r\nwiki\r\n6 ;x=y\r\npedia \r\nA\r\nin\r\nchunks\r\n0\r\n\r\n"
TRAILER = CHUNKED_HEAD + b"4\r\nwiki\r\n0\r\nChecksum: 1\r\n\r\n"
SIZED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nRetry-After: 3\r\n\r\nhello"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\nhello"
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nhello"
INTERIM = b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + SIZED
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"

RESPONSES = {
    CHUNKED: (200, b"wikipedia in\r\nchunks", True),
    TRAILER: (200, b"wiki", True),
    SIZED: (404, b"hello", True),
    UNTIL_CLOSED: (200, b"hello", False),
    UPGRADED: (101, b"hello", False),
    INTERIM: (404, b"hello", True),
    EMPTY: (200, b"", True),
    NO_CONTENT: (204, b"", True),
}


def parsed(*pieces: bytes) -> tuple[int | None, bytes, bool]:
    parser = ResponseParser()
    body = b"".join(map(parser.feed, pieces))
    return parser.status, body, parser.complete


@pytest.mark.parametrize("data", RESPONSES)
def test_a_response_split_at_any_byte_is_parsed_the_same(data: bytes) -> None:
    for at in range(len(data) + 1):
        assert parsed(data[:at], data[at:]) == RESPONSES[data]
    assert parsed(*(data[at : at + 1] for at in range(len(data)))) == RESPONSES[data]


@given(st.lists(st.binary(max_size=40)), st.lists(st.integers(0, 400), max_size=12))
def test_chunks_of_any_size_split_anywhere_give_the_body(bodies: list[bytes], cuts: list[int]) -> None:
    chunks = [b"%x\r\n%b\r\n" % (len(body), body) for body in bodies if body]
    data = CHUNKED_HEAD + b"".join(chunks) + b"0\r\n\r\n"
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(at)]
    assert parsed(*pieces) == (200, b"".join(bodies), True)


def test_data_after_a_complete_body_is_ignored() -> None:
    for data in (SIZED, CHUNKED, EMPTY):
        assert parsed(data + b"HTTP/1.1 200 OK\r\n\r\nmore", b"and more") == RESPONSES[data]


def test_headers_are_found_by_their_lowercase_name() -> None:
    parser = ResponseParser()
    parser.feed(SIZED)
    assert parser.headers == {"content-length": "5", "retry-after": "3"}


@pytest.mark.parametrize("data", [UNTIL_CLOSED, UPGRADED, CHUNKED, SIZED, EMPTY])
def test_a_closed_connection_ends_a_response_without_a_length(data: bytes) -> None:
    parser = ResponseParser()
    parser.feed(data)
    parser.finish()
    assert parser.complete


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200", CHUNKED_HEAD, CHUNKED[:-1], CHUNKED[:-20], SIZED[:-1]])
def test_a_closed_connection_in_the_middle_of_a_response_is_an_error(data: bytes) -> None:
    parser = ResponseParser()
    parser.feed(data)
    with pytest.raises(BadResponse, match="closed"):
        parser.finish()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"x" * (MAX_HEAD_SIZE + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        CHUNKED_HEAD + b"xyz\r\n",
        CHUNKED_HEAD + b"-4\r\nwiki\r\n",
        CHUNKED_HEAD + b"0x4\r\nwiki\r\n",
        CHUNKED_HEAD + b"4\r\nwikipedia",
        CHUNKED_HEAD + b"4;" + b"x" * MAX_HEAD_SIZE,
        CHUNKED_HEAD + b"0\r\n" + b"x" * MAX_HEAD_SIZE,
    ],
)
def test_data_that_is_not_an_http_response_is_an_error(data: bytes) -> None:
    with pytest.raises(BadResponse):
        ResponseParser().feed(data)


class Refused(Exception):
    pass


def refused(status: int, headers: Mapping[str, str], body: bytes) -> Exception:
    return Refused(status, headers.get("retry-after"), body)


class Server:
    """The other end of a connection whose response is read."""

    def __init__(self, **options: Any) -> None:
        ours, self.end = socket.socketpair()
        self.end.settimeout(10)
        self.response = StreamingResponse(ours, b"request", **options)

    def close(self) -> None:
        self.response.close()
        self.end.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(closing(Server(**options)))


Serve = Callable[..., Server]


def test_the_request_is_sent_at_once(serve: Serve) -> None:
    assert serve().end.recv(100) == b"request"


def test_a_connection_on_which_nothing_can_be_sent_is_closed() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(BrokenPipeError):
        StreamingResponse(ours, b"request")
    assert ours.fileno() == -1


def test_read_gives_none_for_nothing_yet_and_empty_bytes_at_the_end(serve: Serve) -> None:
    server = serve()
    assert server.response.read() is None
    server.end.sendall(CHUNKED_HEAD)
    assert (server.response.read(), server.response.status) == (None, 200)
    server.end.sendall(b"4\r\nwiki\r\n")
    assert [server.response.read(), server.response.read()] == [b"wiki", None]
    server.end.sendall(b"0\r\n\r\n")
    assert [server.response.read(), server.response.read()] == [b"", b""]


@pytest.mark.parametrize("data", [UNTIL_CLOSED, UPGRADED])
def test_a_raw_stream_ends_when_the_server_closes_it(serve: Serve, data: bytes) -> None:
    server = serve()
    server.end.sendall(data)
    server.end.shutdown(socket.SHUT_WR)
    assert [server.response.read(), server.response.read()] == [b"hello", b""]


@pytest.mark.parametrize("data", [b"", CHUNKED[:-5], SIZED[:-1], b"no HTTP\r\n\r\n"])
def test_a_response_that_is_cut_or_invalid_is_transient(serve: Serve, data: bytes) -> None:
    server = serve()
    server.end.sendall(data)
    server.end.shutdown(socket.SHUT_WR)
    with pytest.raises(Transient):
        server.response.read_all(10)


def test_a_connection_that_is_reset_is_transient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        keep_alive(ours)
        with closing(StreamingResponse(ours)) as response:
            theirs, _ = listener.accept()
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            theirs.close()
            assert readable([response], 10)
            with pytest.raises(Transient, match="the connection broke"):
                response.read()


def test_the_head_can_be_waited_for_before_the_body_is_read(serve: Serve) -> None:
    server = serve()
    assert server.response.wait_head() is False
    assert server.response.wait_head(0.01) is False
    sender = threading.Timer(0.05, server.end.sendall, [UNTIL_CLOSED])
    sender.start()
    assert server.response.wait_head(10)
    sender.join()
    assert (server.response.status, server.response.read()) == (200, b"hello")


def test_a_whole_body_is_read_from_a_connection_that_stays_open(serve: Serve) -> None:
    server = serve()
    server.end.sendall(SIZED)
    assert (server.response.read_all(10), server.response.headers["retry-after"]) == (b"hello", "3")


def test_a_body_that_is_not_complete_in_time_is_transient(serve: Serve) -> None:
    server = serve()
    server.end.sendall(UNTIL_CLOSED)
    with pytest.raises(Transient, match="not complete"):
        server.response.read_all(0.01)


def test_an_error_response_is_raised_with_its_whole_body(serve: Serve) -> None:
    server = serve(error=refused)
    server.end.sendall(SIZED[:-1])
    assert server.response.wait_head(10)
    assert server.response.read() is None
    server.end.sendall(SIZED[-1:])
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            server.response.read()
        assert caught.value.args == (404, "3", b"hello")


def test_an_endless_error_response_is_raised_when_enough_of_it_is_held(serve: Serve) -> None:
    server = serve(error=refused)
    server.end.sendall(b"HTTP/1.1 500 No\r\n\r\n")
    sender = threading.Thread(target=server.end.sendall, args=[b"x" * MAX_ERROR_SIZE])
    sender.start()
    with pytest.raises(Refused):
        server.response.read_all(10)
    sender.join()


def test_an_error_response_without_a_body_is_raised_too(serve: Serve) -> None:
    server = serve(error=refused)
    server.end.sendall(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(Refused):
        server.response.read()


def test_a_shutdown_ends_the_read_of_another_thread(serve: Serve) -> None:
    server = serve()
    server.end.sendall(UNTIL_CLOSED)
    assert server.response.read() == b"hello"
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(server.response.read_all, 10)
        server.response.shutdown()
        assert reading.result(10) == b""


def test_a_tls_connection_is_read_to_its_last_record(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=x", "-days", "2"]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    client_context = ssl.create_default_context(cafile=certificate)
    ours, theirs = socket.socketpair()
    body = b"x" * 500_000

    def answer() -> None:
        with server_context.wrap_socket(theirs, server_side=True) as end:
            end.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            end.recv(1)

    with ThreadPoolExecutor(1) as threads:
        answering = threads.submit(answer)
        with closing(StreamingResponse(client_context.wrap_socket(ours, server_hostname="x"))) as response:
            assert response.read_all(10) == body
            response.shutdown()
        answering.exception(10)


def test_a_request_is_encoded_with_its_query_and_headers() -> None:
    assert encode_request("GET", "/a b", {"x": "1&2", "y": None}, {"Host": "engine"}) == (
        b"GET /a%20b?x=1%262 HTTP/1.0\r\nHost: engine\r\nUser-Agent: launchpad\r\nContent-Length: 0\r\n\r\n"
    )
