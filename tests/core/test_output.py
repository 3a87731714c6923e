"""From bytes to whole lines, and from lines to the screen or the caller."""

from __future__ import annotations

import io
import logging
import sys
import threading
import time
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launchpad import Run
from launchpad.core.backend import Chunk
from launchpad.core.output import MAX_LINE, Lines, Output, discard, to_caller
from launchpad.core.screen import to_screen

TRICKY = [
    b"\n",
    b"\r",
    b"\r\n",
    b"a",
    "é".encode(),
    "€".encode(),
    "💥".encode(),
    b"\xff",
    b"\xe2\x82",
    b"\x00",
    b"\x85",
]


def lines_of(chunks: Iterable[bytes], max_line: int = MAX_LINE) -> list[str]:
    lines = Lines(max_line)
    return [line for chunk in chunks for line in lines.feed(chunk)] + lines.finish()


def reference(data: bytes, max_line: int) -> list[str]:
    """The same, said simply: for all of the output at once."""
    *ended, last = data.decode("utf-8", "replace").split("\n")
    lines = [line.removesuffix("\r") for line in ended] + ([last] if last else [])
    return [line[at : at + max_line] for line in lines for at in range(0, max(1, len(line)), max_line)]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TRICKY)).map(b"".join), st.lists(st.integers(0, 1000)), st.integers(1, 8))
def test_lines_do_not_depend_on_how_the_bytes_were_split(data: bytes, cuts: list[int], max_line: int) -> None:
    assert lines_of(split(data, cuts), max_line) == reference(data, max_line)


@settings(deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 1000)))
def test_any_bytes_make_the_same_text_however_they_are_split(data: bytes, cuts: list[int]) -> None:
    assert lines_of(split(data, cuts)) == lines_of([data])


def test_a_return_and_a_newline_that_come_apart_are_one_end() -> None:
    assert lines_of([b"one\r", b"\ntwo\r", b"three\r\n"]) == ["one", "two\rthree"]


def test_one_return_belongs_to_the_end_and_another_to_the_line() -> None:
    assert [lines_of(chunks) for chunks in ([b"a\r\r\n"], [b"a\r", b"\r\n"], [b"a\r\r", b"\n"])] == [["a\r"]] * 3


def test_other_separators_stay_in_the_line() -> None:
    assert lines_of(["a\x0b\x0c\x1c\x85\u2028\u2029b\n".encode()]) == ["a\x0b\x0c\x1c\x85\u2028\u2029b"]


def test_a_line_is_passed_on_as_soon_as_it_is_complete() -> None:
    lines = Lines()
    assert [lines.feed(chunk) for chunk in (b"one\ntw", b"o", b"\n")] == [["one"], [], ["two"]]


def test_an_incomplete_character_is_replaced_at_the_end() -> None:
    assert lines_of([b"a\xe2\x82"]) == ["a\N{REPLACEMENT CHARACTER}"]


def test_a_line_over_16_mib_is_passed_on_in_pieces() -> None:
    chunks = [b"x" * 1024 * 1024] * 33 + [b"\nshort\n"]
    assert [len(line) for line in lines_of(chunks)] == [16 * 1024 * 1024, 16 * 1024 * 1024, 1024 * 1024, 5]


def test_pieces_come_before_the_line_has_ended() -> None:
    lines = Lines(max_line=4)
    assert [lines.feed(b"abc"), lines.feed(b"defghi"), lines.finish()] == [[], ["abcd", "efgh"], ["i"]]


def test_a_line_of_just_the_longest_length_has_no_empty_piece_after_it() -> None:
    assert [lines_of(chunks, 4) for chunks in ([b"abcd\r\n"], [b"abcd\r", b"\n"], [b"abcd", b"\n"])] == [["abcd"]] * 3


class Kept:
    """A sink that keeps what it is given, as (stream, line)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, stream: str, lines: list[str]) -> None:
        self.lines += [(stream, line) for line in lines]


RUN = Run(command=["job"])


def states_of(*chunks: bytes | float) -> list[str]:
    """What is passed on of the chunks; a number is a moment, in seconds, at which states that are due are passed on."""
    output, output.sink = Output(RUN), (kept := Kept())
    began = time.monotonic()
    for chunk in chunks:
        if isinstance(chunk, bytes):
            output.write(Chunk("stdout", chunk))
        else:
            output.pass_on_states(began + chunk)
    output.finish()
    return [line for _, line in kept.lines]


@pytest.mark.parametrize("bar", [(b"1%\r", b"2%\r", b"3%\r", b"4%\r"), (b"\r1%", b"\r2%", b"\r3%", b"\r4%", b"\r")])
def test_the_last_state_of_a_line_that_is_redrawn_is_a_line_once_a_second(bar: tuple[bytes, ...]) -> None:
    one, two, three, *rest = bar
    assert states_of(one, two, 0.2, three, 0.9, *rest, 1.5) in (["2%", "4%"], ["1%", "4%"])


def test_the_last_state_is_passed_on_at_the_end_of_the_line_and_of_the_output() -> None:
    assert states_of(b"1%\r", 0.2, b"2%\r3%\r") == ["1%", "3%"]
    assert states_of(b"1%\r", 0.2, b"2%\r3%\rdone\n") == ["1%", "3%", "done"]
    assert states_of(b"\r1%\r2%", 0.2, b"\r3%\n", b"next\n") == ["1%", "2%", "3%", "next"]


def test_a_newline_whose_return_was_passed_on_before_makes_no_empty_line() -> None:
    assert states_of(b"one\r", 0.2, b"\ntwo\r\n") == ["one", "two"]
    assert states_of(b"one\r", 0.2, b"\r\n\n") == ["one", ""]


def test_returns_within_a_line_that_comes_at_once_stay() -> None:
    assert states_of(b"a\r", b"b\n", 0.2, b"c\rd\n") == ["a\rb", "c\rd"]


def test_there_is_nothing_to_wait_for_without_a_redrawn_line() -> None:
    output = Output(RUN)
    output.write(Chunk("stdout", b"1%\r"))
    assert output.due is not None
    output.write(Chunk("stdout", b"\npartial"))
    assert output.due is None


def test_stdout_and_stderr_have_lines_of_their_own() -> None:
    output, output.sink = Output(RUN), (kept := Kept())
    for chunk in (Chunk("stdout", b"o"), Chunk("stderr", b"e1\ne"), Chunk("stdout", b"1\no2"), Chunk("stderr", b"2")):
        output.write(chunk)
    output.finish()
    assert kept.lines == [("stderr", "e1"), ("stdout", "o1"), ("stdout", "o2"), ("stderr", "e2")]


def test_a_new_sink_gets_the_incomplete_line_from_its_start() -> None:
    output, first, second = Output(RUN), Kept(), Kept()
    output.sink = first
    output.write(Chunk("stdout", b"one\ntw"))
    output.sink = second
    output.write(Chunk("stdout", b"o\n"))
    assert (first.lines, second.lines) == ([("stdout", "one")], [("stdout", "two")])


def test_a_sink_that_raises_is_reported_once_and_called_again(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []

    def broken(run: Run, line: str) -> None:
        calls.append(line)
        raise ValueError("no room")

    output = Output(RUN)
    output.sink = to_caller(RUN, broken)
    output.write(Chunk("stdout", b"1\n2\n"))
    output.write(Chunk("stdout", b"3\n"))
    assert calls == ["1", "2", "3"]
    assert [record.getMessage() for record in caplog.records] == [
        "Output of run 'job' cannot be passed on in full: ValueError: no room"
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_in_a_sink_is_no_fault_of_the_sink(error: type[BaseException]) -> None:
    def interrupted(run: Run, line: str) -> None:
        raise error

    output = Output(RUN)
    output.sink = to_caller(RUN, interrupted)
    with pytest.raises(error):
        output.write(Chunk("stdout", b"1\n"))


def test_discard_drops_the_output() -> None:
    assert discard("stdout", ["line"]) is None


class Screen(io.TextIOWrapper):
    """A stdout of some encoding whose bytes can be looked at."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding=encoding, newline="")


@pytest.fixture
def screens() -> Iterable[None]:
    before = sys.stdout, sys.stderr
    yield
    sys.stdout, sys.stderr = before


@pytest.mark.usefixtures("screens")
def test_the_screen_is_the_one_of_this_moment() -> None:
    sys.stdout, sys.stderr = out, err = Screen(), Screen()
    to_screen("stdout", ["one", "two"])
    to_screen("stderr", ["three"])
    assert (out.bytes.getvalue(), err.bytes.getvalue()) == (b"one\ntwo\n", b"three\n")


@pytest.mark.usefixtures("screens")
def test_a_screen_without_the_character_gets_an_escape_and_the_rest_and_raises_after_it() -> None:
    sys.stdout = out = Screen("ascii")
    with pytest.raises(UnicodeEncodeError):
        to_screen("stdout", ["grün", "plain", "€"])
    assert out.bytes.getvalue() == b"gr\\xfcn\nplain\n\\u20ac\n"


@pytest.mark.usefixtures("screens")
@pytest.mark.parametrize("broken", [None, "closed"])
def test_a_screen_that_is_closed_or_absent_causes_one_warning(
    broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    output = Output(RUN)
    output.sink = to_screen
    sys.stdout = Screen() if broken else None  # type: ignore[assignment]
    if broken:
        sys.stdout.close()
    for _ in range(3):
        output.write(Chunk("stdout", b"line\n"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


class Slow(Screen):
    """Lets other threads in at every write."""

    def write(self, text: str) -> int:
        half = len(text) // 2
        super().write(text[:half])
        threading.Event().wait(0)
        return super().write(text[half:])


@pytest.mark.usefixtures("screens")
def test_lines_of_many_threads_are_never_mixed() -> None:
    sys.stdout = screen = Slow()

    def write(letter: str) -> None:
        ready.wait()
        for _ in range(50):
            to_screen("stdout", [letter * 100] * 3)

    ready = threading.Barrier(8)
    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = screen.bytes.getvalue().decode().splitlines()
    assert sorted(lines) == sorted(letter * 100 for letter in "abcdefgh" for _ in range(150))
