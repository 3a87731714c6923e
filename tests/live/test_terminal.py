"""Bars at the bottom of a terminal: the order of writes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr

import pytest

from launchpad.core.screen import StreamProxy, to_screen
from launchpad.live.tally import Counts, Failure
from launchpad.live.terminal import TerminalDisplay


class Recorder(io.StringIO):
    """A screen that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        if text:
            self.writes.append(text)
        return super().write(text)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A replacement for stderr, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    return Recorder()


def test_a_bar_is_redrawn_without_clearing_it_first(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        display.show(Counts(total=9, succeeded=1), [])
        first, second = screen.writes
        assert not first.startswith("\r")
        assert second.startswith("\r━━")
        assert second.endswith("\x1b[K\r")
        assert "\x1b[J" not in second
        display.abandon()


def test_lines_and_the_bar_are_one_write(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        to_screen("stderr", ["one", "two"])
        assert screen.writes[-1].startswith("\r\x1b[Jone\ntwo\n")
        assert screen.writes[-1].endswith("3 running  6 queued  0:00\x1b[K\r")
        display.abandon()


def test_nothing_is_cleared_before_the_bar_is_drawn(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        print("hello", file=sys.stderr)
        assert screen.getvalue() == "hello\n"
        display.abandon()


def test_failures_are_printed_above_the_bar(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, failed=1), [Failure("bad", "failed: Exited with status 1.")])
        assert screen.getvalue().startswith("bad: failed: Exited with status 1.\n━━━")
        display.abandon()


def test_the_summary_replaces_the_bar(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=1), [])
        display.close(Counts(total=1, succeeded=1), [])
        assert screen.writes[-1] == "\r\x1b[J1 run: 1 succeeded in 0:00\n"


def test_two_bars_are_drawn_one_below_the_other(screen: Recorder) -> None:
    with redirect_stderr(screen):
        upper, lower = TerminalDisplay(), TerminalDisplay()
        upper.show(Counts(total=1), [])
        lower.show(Counts(total=2), [])
        to_screen("stderr", ["line"])
        assert screen.writes[-1].startswith("\x1b[1A\r\x1b[Jline\n")
        assert screen.writes[-1].count("\x1b[K") == 2
        upper.close(Counts(total=1), [])
        lower.close(Counts(total=2), [])
        assert sys.stderr is screen


def test_an_incomplete_line_waits_for_its_end(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        drawn = len(screen.writes)
        sys.stderr.write("half ")
        sys.stderr.write("a")
        assert len(screen.writes) == drawn
        sys.stderr.writelines([" line\n", "rest"])
        assert "half a line\n" in screen.writes[-1]
        display.abandon()
        assert screen.writes[-1] == "rest"


def test_a_question_is_shown_when_it_is_flushed(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        print("Go on? ", end="", file=sys.stderr, flush=True)
        assert "Go on? \n" in screen.writes[-1]
        display.abandon()


def test_colours_end_with_the_lines_that_set_them(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        to_screen("stderr", ["\x1b[31mred"])
        assert "\x1b[31mred\n\x1b[0m" in screen.writes[-1]
        display.abandon()


def test_a_stdout_that_is_not_the_terminal_is_not_replaced(screen: Recorder) -> None:
    with redirect_stderr(screen):
        elsewhere = sys.stdout
        display = TerminalDisplay()
        assert sys.stdout is elsewhere
        assert sys.stderr is not screen
        display.abandon()


def test_a_proxy_that_is_still_referred_to_writes_on(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        kept = sys.stderr
        display.abandon()
        print("still", "here", file=kept)
        assert screen.getvalue() == "still here\n"
        assert kept.getvalue() == "still here\n"  # it is as good as the stream behind it


def test_characters_that_the_terminal_lacks_are_escaped() -> None:
    screen = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        to_screen("stderr", ["é"])
        display.abandon()
    assert b"\\xe9\n" in screen.buffer.getvalue()


def test_a_forked_child_prints_without_the_bar(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        display.show(Counts(total=9, running=3), [])
        if (child := os.fork()) == 0:
            sys.stderr.write("child")
            os._exit(0 if screen.writes[-1] == "child" else 1)
        assert os.waitpid(child, 0)[1] == 0
        display.abandon()


def test_a_note_is_a_part_of_the_bar_until_it_is_removed(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        proxy = sys.stderr
        assert isinstance(proxy, StreamProxy)
        assert proxy.note(screen, "a pull", "pulling a:1 2.0 of 8.0 MB")
        display.show(Counts(total=9, running=3), [])
        assert screen.writes[-1].endswith("3 running  6 queued  0:00  pulling a:1 2.0 of 8.0 MB\x1b[K\r")
        proxy.note(proxy, "a pull", "")
        display.show(Counts(total=9, running=3), [])
        assert "pulling" not in screen.writes[-1]
        assert "\n" not in "".join(screen.writes)
        display.abandon()
        assert not proxy.note(screen, "a pull", "late")


def test_a_note_for_another_screen_is_refused(screen: Recorder) -> None:
    with redirect_stderr(screen):
        display = TerminalDisplay()
        assert isinstance(sys.stderr, StreamProxy)
        assert not sys.stderr.note(io.StringIO(), "a pull", "elsewhere")
        display.abandon()
