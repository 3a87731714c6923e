"""Lines from output streams and logs, none lost and none repeated. The streams are scripted."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from launchpad.core.retries import Transient
from launchpad.docker.frames import MAX_HELD, Demultiplexer, LineDeduplicator
from launchpad.docker.output import RunOutput
from launchpad.errors import LaunchError
from launchpad.net.http import StreamingResponse

from .scripted import error_response, response_of, whole_response

OK = b"HTTP/1.0 200 OK\r\n\r\n"


def frame(data: bytes, number: int = 1) -> bytes:
    return struct.pack(">BxxxL", number, len(data)) + data


def test_frames_split_anywhere_are_demultiplexed() -> None:
    data = frame(b"out\n") + frame(b"err\n", 2) + frame(b"") + frame(b"more")
    for size in (1, 3, 7, 8, 9, 100):
        frames = Demultiplexer(tty=False)
        chunks = [chunk for at in range(0, len(data), size) for chunk in frames.feed(data[at : at + size])]
        for stream, expected in (("stdout", b"out\nmore"), ("stderr", b"err\n")):
            assert b"".join(chunk.data for chunk in chunks if chunk.stream == stream) == expected


@pytest.mark.parametrize("data", [b"ok", frame(b"out")[:-1], frame(b"out")[:5]])
def test_a_frame_that_is_cut_off_is_noticed(data: bytes) -> None:
    frames = Demultiplexer(tty=False)
    list(frames.feed(data))
    assert frames.is_partial
    list(frames.feed(frame(b"out")[len(data) :]))
    assert not frames.is_partial or data == b"ok"


def test_the_output_of_a_terminal_has_no_frames() -> None:
    assert [tuple(chunk) for chunk in Demultiplexer(tty=True).feed(b"\1\0")] == [("stdout", b"\1\0")]


def test_whole_lines_are_passed_on_and_the_rest_is_held() -> None:
    lines = LineDeduplicator()
    assert [lines.feed(data) for data in (b"a\nb", b"c", b"\n\nd")] == [b"a\n", b"", b"bc\n\n"]
    assert (lines.finish(), lines.finish()) == (b"d", b"")


def test_the_states_of_a_redrawn_line_are_passed_on_before_its_end() -> None:
    lines = LineDeduplicator()
    assert [lines.feed(data) for data in (b"a\n1\r2", b"%\r", b"3\r\nb")] == [b"a\n1\r", b"2%\r", b"3\r\n"]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_stream_that_starts_again_repeats_nothing(size: int) -> None:
    whole = b"a\na\n\n1\r2\rb\na\rlast"
    for passed in range(len(whole)):
        lines = LineDeduplicator()
        got = lines.feed(whole[:passed])
        lines.restart()
        got += b"".join(lines.feed(whole[at : at + size]) for at in range(0, len(whole), size))
        assert got + lines.finish() == whole


def test_a_line_too_long_to_be_held_is_passed_on_once() -> None:
    lines = LineDeduplicator()
    long = b"x" * (MAX_HELD + 5)
    assert lines.feed(b"a\n" + long) == b"a\n" + long
    lines.restart()
    assert lines.feed(b"a\n" + long + b"yz\nb\n") == b"yz\nb\n"


class Logs:
    """Responses to requests for the log, one for each: data before the connection closes, or an error."""

    def __init__(self, *script: bytes | Exception) -> None:
        self.followed: list[bool] = []
        self._script = list(script)

    def open(self, follow: bool) -> StreamingResponse:
        self.followed.append(follow)
        data = self._script.pop(0)
        if isinstance(data, Exception):
            raise data
        return whole_response(data)


class Clock:
    """A clock that advances by 10 ms whenever it is read."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 0.01
        return self._now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def all_of(output: RunOutput, ended_at: Callable[[], float | None]) -> bytes:
    """Everything until the output is complete."""
    data = b""
    for _ in range(1000):
        data += b"".join(chunk.data for chunk in output.read(ended_at()))
        if output.is_complete:
            break
    assert output.is_complete
    output.close()
    return data


def test_a_stream_that_ends_with_the_run_is_complete_without_a_log(clock: Clock) -> None:
    logs = Logs()
    output = RunOutput("name", False, logs.open, whole_response(OK + frame(b"a\nb")), clock)
    first = b"".join(chunk.data for chunk in output.read(None))
    ended = clock()
    assert first + all_of(output, lambda: ended) == b"a\nb"
    assert logs.followed == []


def test_a_stream_that_ends_long_before_the_run_is_completed_from_the_log(clock: Clock) -> None:
    log = {True: OK + frame(b"a\nbc\n"), False: OK + frame(b"a\nbc\nd\n")}
    followed: list[bool] = []

    def open_log(follow: bool) -> StreamingResponse:
        followed.append(follow)
        return whole_response(log[follow])

    output = RunOutput("name", False, open_log, whole_response(OK + frame(b"a\nb")), clock)
    ended = clock() + 0.5
    assert all_of(output, lambda: ended if clock() > ended else None) == b"a\nbc\nd\n"
    assert (followed[0], followed[-1]) == (True, False)


def test_a_log_that_is_unavailable_is_requested_again(clock: Clock) -> None:
    for fault in (Transient("gone"), error_response(503, "busy"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"):
        logs = Logs(fault, OK + frame(b"a\n"))
        assert all_of(RunOutput("name", False, logs.open, None, clock), clock) == b"a\n"
        assert logs.followed == [False, False]


@pytest.mark.parametrize("refusal", [error_response(501, "not supported"), LaunchError("not supported")])
def test_a_log_that_the_engine_refuses_ends_the_output_with_a_warning(
    refusal: bytes | Exception, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    logs = Logs(refusal)
    assert all_of(RunOutput("name", False, logs.open, None, clock), clock) == b""
    assert "Output of run 'name' may be incomplete: not supported" in caplog.text
    assert len(logs.followed) == 1


def test_a_stream_that_hangs_after_the_end_is_given_up_for_the_log(clock: Clock) -> None:
    attached, engine = response_of(OK + frame(b"a\nb"))
    ended = clock()
    with engine:
        output = RunOutput("name", False, Logs(OK + frame(b"a\nbc\n")).open, attached, clock)
        assert all_of(output, lambda: ended) == b"a\nbc\n"
    assert clock() - ended < 5


def test_output_that_is_lost_is_reported_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    output = RunOutput("name", False, Logs(LaunchError("not supported")).open, None, clock)
    all_of(output, clock)
    output.report_gap("the engine was down")
    assert output.has_gap
    assert caplog.text.count("may be incomplete") == 1


def test_an_error_in_the_log_s_stream_is_no_output(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    log = OK + frame(b"a\n") + b'{"cause":"no such container","response":500}'
    output = RunOutput("name", False, Logs(log).open, None, clock)
    assert (all_of(output, clock), output.has_gap) == (b"a\n", True)
    assert "no such container" in caplog.text
