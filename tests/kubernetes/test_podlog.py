"""The log of a pod whose stream ends or breaks, on scripted streams: no line is lost, and none is repeated."""

from __future__ import annotations

import pytest
import tenacity

from launchpad.core.retries import RetrySchedule
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.podlog import PodLog

from .scripted import CUT, END, Piece, ScriptedNode, ScriptedStream, at, lines


def log_of(node: ScriptedNode) -> PodLog:
    return PodLog("pod", node.open)  # type: ignore[arg-type]


def read_all(log: PodLog, ended: bool = True) -> bytes:
    """What the log returns until it is finished, without the waits in between."""
    text = b""
    for _ in range(100):
        if log.finished:
            return text
        log.due = None if log.stream is not None else 0.0
        text += log.read(ended)
    return text


def text_of(*script: bytes) -> bytes:
    return read_all(log_of(ScriptedNode([*script, END])))


def test_lines_have_no_times() -> None:
    node = ScriptedNode([lines((1, "one"), (1, ""), (2, "two  words")), END])
    assert read_all(log_of(node)) == b"one\n\ntwo  words\n"
    assert node.since == [None]


def test_a_last_line_without_a_newline_is_returned_at_the_end_of_the_log() -> None:
    assert text_of(lines((1, "one")), at(2, "two")) == b"one\ntwo"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        pytest.param(
            lines((5, "x"), (5, "x")),
            lines((5, "x"), (5, "x"), (5, "x"), (6, "x")),
            b"x\nx\nx\nx\n",
            id="equal lines of one moment are counted",
        ),
        pytest.param(
            lines((5, "a")) + at(5, "hal"),
            lines((5, "a"), (5, "half")),
            b"a\nhalf\n",
            id="a line that was cut comes once and whole",
        ),
        pytest.param(
            lines((6, "late stamp first"), (5, "x")),
            lines((6, "late stamp first"), (5, "x"), (5, "y"), (6, "z")),
            b"late stamp first\nx\ny\nz\n",
            id="lines slightly out of order are recognized",
        ),
    ],
)
def test_after_a_break_no_line_is_lost_or_repeated(before: bytes, after: bytes, text: bytes) -> None:
    assert read_all(log_of(ScriptedNode([before, CUT], [after, END]))) == text


def test_after_a_break_the_log_is_requested_from_the_second_before_its_last_line() -> None:
    node = ScriptedNode([lines((1, "a"), (9, "b")), CUT], [lines((9, "b"), (10, "c")), END])
    assert read_all(log_of(node)) == b"a\nb\nc\n"
    assert node.since == [None, "2030-01-01T00:00:08Z"]


def test_a_rotated_log_continues_even_if_the_lines_that_were_read_are_gone() -> None:
    log = log_of(ScriptedNode([lines((5, "a"), (5, "b")), END], [lines((6, "c")), END]))
    assert log.read(ended=False) == b"a\nb\n"
    assert (log.read(ended=False), log.finished) == (b"", False)
    log.due = 0.0
    assert log.read(ended=False) == b"c\n"


def test_retries_are_limited_from_the_first_fault_on_and_not_from_the_start(caplog: pytest.LogCaptureFixture) -> None:
    made: list[RetrySchedule] = []

    def once_more() -> RetrySchedule:
        made.append(RetrySchedule(tenacity.Retrying(stop=tenacity.stop_after_attempt(2), wait=tenacity.wait_none())))
        return made[-1]

    node = ScriptedNode([lines((5, "a")), CUT], [CUT])
    log = PodLog("pod", node.open, once_more)  # type: ignore[arg-type]
    assert (log.read(ended=False), made) == (b"a\n", [])
    assert (log.read(ended=False), log.finished, caplog.text) == (b"", False, "")
    log.due = 0.0
    assert (log.read(ended=False), log.finished, len(made)) == (b"", True, 1)
    assert "The output of pod pod may be incomplete" in caplog.text


def test_the_end_of_a_stream_ends_the_log_only_if_the_container_had_ended_before() -> None:
    log = log_of(ScriptedNode([lines((5, "a")), END], [lines((5, "a"), (5, "b")), END]))
    assert log.read(ended=False) == b"a\n"
    assert (log.read(ended=False), log.finished) == (b"", False)
    assert (log.read(ended=True), log.read(ended=True), log.finished) == (b"b\n", b"", True)


def test_a_break_does_not_end_the_log_even_if_the_container_has_ended() -> None:
    node = ScriptedNode([lines((5, "a")), CUT], [lines((5, "a"), (5, "b")), END])
    assert read_all(log_of(node), ended=True) == b"a\nb\n"


@pytest.mark.parametrize(
    "message", [b"failed to watch log file\n", b"unable to retrieve container logs for docker://1"]
)
def test_a_message_of_the_node_about_the_log_is_left_out_and_the_log_is_requested_again(message: bytes) -> None:
    node = ScriptedNode([lines((5, "a")) + message, END], [message, END], [lines((5, "a"), (5, "b")), END])
    log = log_of(node)
    assert (read_all(log), log.gap) == (b"a\nb\n", "")


def test_a_log_that_begins_later_than_where_it_broke_has_a_gap_and_one_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = log_of(ScriptedNode([lines((5, "a")), CUT], [lines((9, "c"), (9, "d")), END]))
    assert (read_all(log), bool(log.gap)) == (b"a\nc\nd\n", True)
    assert caplog.text.count("The output of pod pod may be incomplete") == 1


def test_a_log_that_continues_where_it_broke_has_no_gap() -> None:
    log = log_of(ScriptedNode([lines((5, "a"), (6, "b")), CUT], [lines((6, "b"), (9, "c")), END]))
    assert (read_all(log), log.gap) == (b"a\nb\nc\n", "")


def test_repeated_lines_do_not_delay_the_new_ones_behind_them() -> None:
    log = log_of(ScriptedNode([lines((5, "a")), CUT], [lines((5, "a")), lines((5, "b")), END]))
    assert log.read(ended=False) == b"a\n"
    assert log.read(ended=False) == b""
    log.due = 0.0
    assert log.read(ended=False) == b"b\n"


@pytest.mark.parametrize("size", [16384, 16384 + 9])
def test_long_lines_are_joined_from_pieces_that_each_have_a_time(size: int) -> None:
    pieces = ["a" * size, "b" * size, "c" * 100]
    assert text_of(b"".join(at(5, text, ".123456789") for text in pieces) + b"\n") == "".join(pieces).encode() + b"\n"


def test_long_lines_without_times_in_between_are_not_changed() -> None:
    text = "a" * 16384 + "b" * 40000
    assert text_of(at(5, text) + b"\n") == text.encode() + b"\n"


@pytest.mark.parametrize("zone", ["Z", "+02:00"])
def test_a_repeated_request_has_the_time_zone_of_the_node(zone: str) -> None:
    line = f"2030-01-01T00:00:00.5{zone} a\n".encode()
    node = ScriptedNode([line, CUT], [line, END])
    assert read_all(log_of(node)) == b"a\n"
    assert node.since[1] == f"2029-12-31T23:59:59{zone}"


@pytest.mark.parametrize("last", [END, CUT])
def test_a_stream_is_closed_at_its_end_and_after_a_break(last: bytes) -> None:
    node = ScriptedNode([last], [END])
    read_all(log_of(node))
    assert node.streams[0].closed


@pytest.mark.parametrize(("last", "text"), [(END, b"a\nb"), (CUT, b"a\n")])
def test_a_last_line_without_a_newline_is_returned_if_the_pod_is_gone_at_the_next_request(
    last: Piece, text: bytes
) -> None:
    class Removed(ScriptedNode):
        def open(self, pod: str, since: str | None, follow: bool) -> ScriptedStream:
            if self.since:
                raise ApiError("not found", 404, "NotFound")
            return super().open(pod, since, follow)

    log, read = log_of(Removed([lines((5, "a")) + at(6, "b"), last])), b""
    while not log.not_found:
        log.due = None if log.stream is not None else 0.0
        read += log.read(ended=False)
    assert read == text
