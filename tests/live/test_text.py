"""Single lines of text for people."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from launchpad import LaunchError, Outcome, Reason
from launchpad.live.text import duration, name_of, why, why_not
from launchpad.text import one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\x1b[2Jclear", "\\x1b[2Jclear"),
        ("bell\x07 null\x00", "bell\\x07 null\\x00"),
        ("turned \u202eround", "turned \\u202eround"),
        ("half \ud800", "half \\ud800"),
        ("漢字 שלום مرحبا 👩🏽‍🚀 é", "漢字 שלום مرحبا 👩🏽‍🚀 é"),
        ("می‌خواهم", "می‌خواهم"),
        ("", ""),
    ],
)
def test_text_becomes_one_line_without_control_characters(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_the_text_of_an_outcome_starts_with_its_reason() -> None:
    outcome = Outcome(ok=False, reason=Reason.OOM_KILLED, message="It took\nall.", hint="Give it more.")
    assert why(outcome) == "oom_killed: It took all. Give it more."


def test_the_text_of_an_error_starts_with_its_kind() -> None:
    assert why_not(LaunchError("no image")) == "LaunchError: no image"
    assert why_not(KeyError("x")) == "KeyError: 'x'"


def test_a_future_without_a_run_is_a_call() -> None:
    assert name_of(Future()) == "a call"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (7.9, "0:07"), (750, "12:30"), (3600, "1:00:00"), (90061, "1d 1:01:01"), (86400, "1d 0:00:00")],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
