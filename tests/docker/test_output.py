"""Lines out of an engine's streams, none lost and none repeated. Without an engine: streams are scripted."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest

from launchpad.core.retries import Transient
from launchpad.docker.frames import LONGEST_HELD, Demultiplexer, LineDeduplicator
from launchpad.docker.output import RunOutput
from launchpad.errors import LaunchError
from launchpad.net.exchange import StreamingResponse, request

OK = b"HTTP/1.0 200 OK\r\n\r\n"


def frame(data: bytes, number: int = 1) -> bytes:
    return struct.pack(">BxxxL", number, len(data)) + data


def test_frames_come_apart_however_they_are_cut() -> None:
    data = frame(b"out\n") + frame(b"err\n", 2) + frame(b"") + frame(b"more")
    for size in (1, 3, 7, 8, 9, 100):
        frames = Demultiplexer(tty=False)
        chunks = [chunk for at in range(0, len(data), size) for chunk in frames.feed(data[at : at + size])]
        for stream, expected in (("stdout", b"out\nmore"), ("stderr", b"err\n")):
            assert b"".join(chunk.data for chunk in chunks if chunk.stream == stream) == expected


def test_a_terminal_has_no_frames() -> None:
    assert [tuple(chunk) for chunk in Demultiplexer(tty=True).feed(b"\1\0")] == [("stdout", b"\1\0")]


def test_whole_lines_are_passed_on_and_the_rest_is_held_back() -> None:
    ledger = LineDeduplicator()
    assert [ledger.feed(data) for data in (b"a\nb", b"c", b"\n\nd")] == [b"a\n", b"", b"bc\n\n"]
    assert (ledger.finish(), ledger.finish()) == (b"d", b"")


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_stream_that_begins_anew_repeats_nothing(size: int) -> None:
    whole = b"a\na\n\nb\na\nlast"
    for passed in range(len(whole)):
        ledger = LineDeduplicator()
        got = ledger.feed(whole[:passed])
        ledger.begin_anew()
        got += b"".join(ledger.feed(whole[at : at + size]) for at in range(0, len(whole), size))
        assert got + ledger.finish() == whole


def test_a_line_too_long_to_hold_back_is_passed_on_and_not_repeated() -> None:
    ledger = LineDeduplicator()
    long = b"x" * (LONGEST_HELD + 5)
    assert ledger.feed(b"a\n" + long) == b"a\n" + long
    ledger.begin_anew()
    assert ledger.feed(b"a\n" + long + b"yz\nb\n") == b"yz\nb\n"


class DockerApi:
    """Gives the streams of a script, one after the other: each is what it says before it closes, or an error."""

    def __init__(self, *script: bytes | Exception, open_end: bool = False) -> None:
        self.script = list(script)
        self.asked: list[bool] = []
        self.open_ends: list[socket.socket] = []
        self._open_end = open_end

    def open_log(self, follow: bool) -> StreamingResponse:
        self.asked.append(follow)
        return self.next()

    def next(self) -> StreamingResponse:
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        ours, theirs = socket.socketpair()
        theirs.sendall(answer)
        exchange = StreamingResponse(ours, request("GET", "/"))
        if self._open_end and not self.script:
            self.open_ends.append(theirs)
        else:
            theirs.shutdown(socket.SHUT_WR)
            theirs.recv(4096)
            theirs.close()
        return exchange


def told(engine: DockerApi, transcript: RunOutput, ended_at: Callable[[], float | None]) -> bytes:
    """Everything that the transcript tells until it is complete."""
    data, until = b"", time.monotonic() + 10
    while not transcript.is_complete:
        assert time.monotonic() < until
        data += b"".join(chunk.data for chunk in transcript.take(ended_at()))
        time.sleep(0.001)
    for end in engine.open_ends:
        end.close()
    transcript.close()
    return data


def test_a_stream_that_ends_with_the_run_is_whole_and_no_log_is_asked_for() -> None:
    engine = DockerApi(OK + frame(b"a\nb"))
    transcript = RunOutput("name", False, engine.open_log, engine.next())
    first = b"".join(chunk.data for chunk in transcript.take(None))
    ended = time.monotonic()
    assert first + told(engine, transcript, lambda: ended) == b"a\nb"
    assert engine.asked == []


def test_a_stream_that_ends_long_before_the_run_is_completed_from_the_log() -> None:
    engine = DockerApi(OK + frame(b"a\nb"))
    transcript = RunOutput("name", False, engine.open_log, engine.next())
    log = {True: OK + frame(b"a\nbc\n"), False: OK + frame(b"a\nbc\nd\n")}

    def open_log(follow: bool) -> StreamingResponse:
        engine.script = [log[follow]]
        return engine.open_log(follow)

    transcript._open_log = open_log
    ended = time.monotonic() + 0.5
    assert told(engine, transcript, lambda: ended if time.monotonic() > ended else None) == b"a\nbc\nd\n"
    assert (engine.asked[0], engine.asked[-1]) == (True, False)


def test_a_log_that_cannot_be_had_now_is_asked_for_again() -> None:
    engine = DockerApi(Transient("gone"), OK + frame(b"a\n"))
    transcript = RunOutput("name", False, engine.open_log, None)
    assert told(engine, transcript, time.monotonic) == b"a\n"
    assert engine.asked == [False, False]


def test_a_log_that_is_refused_ends_the_output_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    engine = DockerApi(b'HTTP/1.0 501 No\r\n\r\n{"message":"the driver does not support reading"}')
    assert told(engine, RunOutput("name", False, engine.open_log, None), time.monotonic) == b""
    assert "Output of run 'name' may be incomplete: the driver does not support reading" in caplog.text


def test_a_log_whose_asking_fails_for_good_ends_the_output(caplog: pytest.LogCaptureFixture) -> None:
    engine = DockerApi(LaunchError("not allowed"))
    assert told(engine, RunOutput("name", False, engine.open_log, None), time.monotonic) == b""
    assert "not allowed" in caplog.text


def test_a_stream_that_hangs_after_the_end_does_not_delay_it_for_long() -> None:
    engine = DockerApi(OK + frame(b"a\nb"), open_end=True)
    attached = engine.next()
    engine.script = [OK + frame(b"a\nbc\n")]
    engine._open_end = False
    transcript = RunOutput("name", False, engine.open_log, attached)
    begun = time.monotonic()
    assert told(engine, transcript, lambda: begun) == b"a\nbc\n"
    assert time.monotonic() - begun < 5
