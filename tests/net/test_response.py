"""HTTP answers, in whatever pieces they come."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchpad.net.answer import BadResponse, ResponseParser

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nwiki\r\n6;x=y\r\npedia \r\nA\r\nin\r\nchunks\r\n0\r\n\r\n"
)
SIZED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nRetry-After: 3\r\n\r\nhello"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\n\r\nhello"


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=12))
def test_chunks_come_together_however_they_are_cut(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(CHUNKED)]
    answer = ResponseParser()
    body = b"".join(answer.feed(CHUNKED[start:end]) for start, end in itertools.pairwise(at))
    assert (answer.status, body, answer.complete) == (200, b"wikipedia in\r\nchunks", True)


@given(st.integers(0, len(SIZED)))
def test_a_body_of_known_length_ends_with_its_last_byte(cut: int) -> None:
    answer = ResponseParser()
    body = answer.feed(SIZED[:cut]) + answer.feed(SIZED[cut:])
    assert (answer.status, body, answer.complete) == (404, b"hello", True)
    assert answer.headers["retry-after"] == "3"


def test_a_body_of_unknown_length_ends_with_the_connection() -> None:
    answer = ResponseParser()
    assert answer.feed(UNTIL_CLOSED) == b"hello"
    assert not answer.complete
    assert answer.finish()


def test_a_connection_that_closes_before_the_end_has_not_finished_the_answer() -> None:
    for cut in (b"", b"HTTP/1.1 200", CHUNKED[:-3], SIZED[:-1]):
        answer = ResponseParser()
        answer.feed(cut)
        assert not answer.finish()


def test_an_empty_body_is_complete_at_once() -> None:
    answer = ResponseParser()
    assert answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == b""
    assert answer.complete


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"x" * 70000],
)
def test_what_is_no_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(BadResponse):
        ResponseParser().feed(data)
