"""What a batch shows while it goes on."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from launchpad.cli.screen import LINES_HELD, LiveScreen, PlainScreen, summary


def terminal(**options: object) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=True, width=80, highlight=False, **options), written  # type: ignore[arg-type]


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_the_bar_shows_how_many_have_ended_and_how_many_failed() -> None:
    console, written = terminal()
    with LiveScreen(8, "stderr", console) as screen:
        screen.ended, screen.failed = 5, 2
        screen.refresh()
    assert re.search(r"━ +5/8 +2 failed", plain(written.getvalue()))


def test_lines_of_runs_are_shown_above_the_bar_before_what_is_said_of_their_end() -> None:
    console, written = terminal()
    with LiveScreen(1, "stderr", console) as screen:
        screen.line("a | [bold]one[/]")
        screen.line("a | two")
        screen.note(Text("a: failed"))
    assert re.search(r"a \| \[bold\]one\[/\]\na \| two\n.*a: failed\n", plain(written.getvalue()), re.DOTALL)


def test_more_lines_than_are_held_back_are_shown_at_once() -> None:
    console, written = terminal()
    with LiveScreen(1, "stderr", console) as screen:
        for number in range(LINES_HELD):
            screen.line(f"line {number}")
        assert f"line {LINES_HELD - 1}\n" in written.getvalue()


def test_colour_is_left_out_where_the_user_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console, written = terminal()
    with LiveScreen(1, "stderr", console) as screen:
        screen.note(Text("failed", "red"))
        screen.refresh()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", written.getvalue())


def test_without_a_terminal_it_is_a_plain_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainScreen(8, "stdout") as screen:
        screen.ended, screen.failed = 5, 2
        screen.tick()  # too early
        screen.refresh()
    assert capsys.readouterr().err.startswith("launchpad: 5 of 8 runs have ended, 2 failed, ")


def test_without_a_terminal_lines_of_runs_go_where_they_belong(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainScreen(1, "stdout") as screen:
        screen.line("a | one")
    assert capsys.readouterr() == ("a | one\n", "")


def test_the_summary_fits_a_narrow_terminal() -> None:
    console, written = terminal()
    console.print(summary("1 run", [("failed", 1, "x" * 200)]))
    assert max(map(len, plain(written.getvalue()).splitlines())) <= 80
