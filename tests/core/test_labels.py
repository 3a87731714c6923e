"""The names of runs in printed output: numbers, colours and prefixes."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from launchpad.core.labels import COLORS, Label, Labels, prefixed


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(label: Label, *lines: str) -> str:
    """What a label prints on a terminal."""
    terminal, sys.stdout = sys.stdout, Screen()
    try:
        label.write("stdout", list(lines))
        return str(sys.stdout.getvalue())
    finally:
        sys.stdout = terminal


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_name_has_a_number_once_a_second_run_has_it() -> None:
    labels = Labels()
    first, other = labels.of("resize"), labels.of("other")
    assert str(first) == "resize"
    second = labels.of("resize")
    assert [str(label) for label in (first, second, other)] == ["resize#1", "resize#2", "other"]


def test_a_name_is_forgotten_with_the_last_run_that_has_it() -> None:
    labels = Labels()
    assert [str(labels.of("resize")) for _ in range(3)] == ["resize"] * 3


def test_every_line_begins_with_the_name_in_the_colour_of_the_run() -> None:
    labels = Labels()
    for color in COLORS[:2]:
        start = f"\x1b[0;{color}mrun |\x1b[0m "
        assert printed(labels.of("run"), "a", "") == f"{start}a\n{start}\n"


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours_only_the_name_is_added(variables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert printed(Labels().of("run"), "a") == "run | a\n"


def test_an_empty_no_color_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[0;36m" in printed(Labels().of("run"), "a")


def test_a_redrawn_line_begins_with_the_name_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert prefixed("stdout", ["10%\r20%", "end"], "run", 36) == ["run | 10%\rrun | 20%", "run | end"]
