"""Logs that end and break, by scripted streams: no line is lost, and none comes twice."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import tenacity

from launchpad.core.retries import Patience, Transient
from launchpad.kubernetes.podlog import PodLog

CUT = Transient("cut")
Piece = bytes | None | Transient


class Scripted:
    """A stream that gives `pieces`, one a read, and then nothing; None is its proper end."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = list(pieces)
        self.closed = False

    def read(self) -> bytes | None:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed = True


class Node:
    """Keeps a log as a node does; opens a stream for each script, and notes since when it was asked."""

    def __init__(self, *scripts: Iterable[Piece]) -> None:
        self.scripts = [Scripted(script) for script in scripts]
        self.since: list[str | None] = []
        self.followed: list[bool] = []

    def open(self, pod: str, since: str | None, follow: bool) -> Scripted:
        self.since.append(since)
        self.followed.append(follow)
        return self.scripts[len(self.since) - 1]


def at(second: int, text: str, fraction: str = "") -> bytes:
    return f"2030-01-01T00:00:{second:02}{fraction}Z {text}".encode()


def lines(*entries: tuple[int, str]) -> bytes:
    return b"".join(at(second, text) + b"\n" for second, text in entries)


def read_all(log: PodLog, ended: bool = True) -> bytes:
    """What it gives until it is over, without the waits between."""
    text = b""
    for _ in range(100):
        if log.over:
            return text
        log.due = None if log.stream is not None else 0.0
        text += log.read(ended)
    return text


def log_of(node: Node) -> PodLog:
    return PodLog("pod", node.open)  # type: ignore[arg-type]


def test_lines_come_without_their_times() -> None:
    node = Node([lines((1, "one"), (1, ""), (2, "two  words")), None])
    assert read_all(log_of(node)) == b"one\n\ntwo  words\n"
    assert node.since == [None]


def test_a_last_line_without_an_end_comes_with_the_end_of_the_log() -> None:
    assert read_all(log_of(Node([lines((1, "one")), at(2, "two"), None]))) == b"one\ntwo"


def test_after_a_break_the_log_is_asked_for_from_the_second_before() -> None:
    node = Node([lines((1, "a"), (9, "b")), CUT], [lines((9, "b"), (10, "c")), None])
    assert read_all(log_of(node)) == b"a\nb\nc\n"
    assert node.since == [None, "2030-01-01T00:00:08Z"]


def test_equal_lines_in_one_moment_are_told_apart_by_their_number() -> None:
    node = Node([lines((5, "x"), (5, "x")), CUT], [lines((5, "x"), (5, "x"), (5, "x"), (6, "x")), None])
    assert read_all(log_of(node)) == b"x\n" * 4


def test_a_line_that_was_cut_comes_once_and_whole() -> None:
    node = Node([lines((5, "a")) + at(5, "hal"), CUT], [lines((5, "a"), (5, "half")), None])
    assert read_all(log_of(node)) == b"a\nhalf\n"


def test_lines_a_little_out_of_order_are_neither_lost_nor_repeated() -> None:
    first = [(6, "late stamp first"), (5, "x")]
    node = Node([lines(*first), CUT], [lines(*first, (5, "y"), (6, "z")), None])
    assert read_all(log_of(node)) == b"late stamp first\nx\ny\nz\n"


def test_a_log_that_was_rotated_goes_on_though_what_we_had_of_it_is_gone() -> None:
    node = Node([lines((5, "a"), (5, "b")), None], [lines((6, "c")), None])
    log = log_of(node)
    assert log.read(ended=False) == b"a\nb\n"
    assert log.read(ended=False) == b""
    assert not log.over
    log.due = 0.0
    assert log.read(ended=False) == b"c\n"


def test_patience_begins_with_the_first_fault_and_not_with_the_log(caplog: pytest.LogCaptureFixture) -> None:
    made: list[Patience] = []

    def once_more() -> Patience:
        made.append(Patience(tenacity.Retrying(stop=tenacity.stop_after_attempt(2), wait=tenacity.wait_none())))
        return made[-1]

    node = Node([lines((5, "a")), CUT], [CUT])
    log = PodLog("pod", node.open, once_more)  # type: ignore[arg-type]
    assert (log.read(ended=False), made) == (b"a\n", [])
    assert (log.read(ended=False), log.over, caplog.text) == (b"", False, "")
    log.due = 0.0
    assert (log.read(ended=False), log.over) == (b"", True)
    assert len(made) == 1
    assert "pod pod may lack its end" in caplog.text


def test_the_proper_end_of_a_stream_is_the_end_of_the_log_once_the_container_has_ended() -> None:
    node = Node([lines((5, "a")), None])
    log = log_of(node)
    assert log.read(ended=False) == b"a\n"
    assert (log.read(ended=False), log.over) == (b"", False)
    assert (log.read(ended=True), log.over) == (b"", True)
    assert len(node.since) == 1


def test_a_break_is_no_end_even_if_the_container_has_ended() -> None:
    node = Node([lines((5, "a")), CUT], [lines((5, "a"), (5, "b")), None])
    assert read_all(log_of(node), ended=True) == b"a\nb\n"


def test_what_the_node_says_about_the_log_is_not_of_the_log() -> None:
    assert read_all(log_of(Node([lines((5, "a")) + b"failed to watch log file\n", None]))) == b"a\n"


def test_a_stream_is_read_until_it_has_nothing_though_what_came_was_known() -> None:
    node = Node([lines((5, "a")), CUT], [lines((5, "a")), lines((5, "b")), None])
    log = log_of(node)
    assert log.read(ended=False) == b"a\n"
    assert log.read(ended=False) == b""
    log.due = 0.0
    assert log.read(ended=False) == b"b\n"


@pytest.mark.parametrize("piece", [16384, 16384 + 9])
def test_long_lines_are_joined_from_pieces_that_each_have_a_time(piece: int) -> None:
    pieces = ["a" * piece, "b" * piece, "c" * 100]
    data = b"".join(at(5, text, ".123456789") for text in pieces) + b"\n"
    assert read_all(log_of(Node([data, None]))) == "".join(pieces).encode() + b"\n"


def test_long_lines_without_times_in_between_stay_as_they_are() -> None:
    text = "a" * 16384 + "b" * 40000
    assert read_all(log_of(Node([at(5, text) + b"\n", None]))) == text.encode() + b"\n"


@pytest.mark.parametrize("zone", ["Z", "+02:00"])
def test_the_time_zone_of_the_node_is_kept_when_asking_again(zone: str) -> None:
    line = f"2030-01-01T00:00:00.5{zone} a\n".encode()
    node = Node([line, CUT], [line, None])
    assert read_all(log_of(node)) == b"a\n"
    assert node.since[1] == f"2029-12-31T23:59:59{zone}"


def test_streams_are_closed_whatever_ends_them() -> None:
    for script in ([None], [CUT]):
        node = Node(script, [None])
        read_all(log_of(node))
        assert node.scripts[0].closed
