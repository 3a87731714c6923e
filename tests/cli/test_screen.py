"""The progress of a batch."""

from __future__ import annotations

import attrs
import pytest

from launchpad.cli.screen import BarDisplay, LinesDisplay, bar_over
from launchpad.live.tally import Counts, Failure

COUNTS = Counts(total=8, succeeded=3, failed=2, seconds=2.0, rate=2.5, failures=(Failure("a", "failed: why"),))


def test_without_a_terminal_progress_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    LinesDisplay().show(COUNTS, [])
    assert capsys.readouterr().err == "launchpad: 5 of 8 runs have ended, 2 failed, 2.5/s\n"


def test_the_last_line_is_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    LinesDisplay().close(COUNTS, [])
    assert capsys.readouterr().err == "8 runs: 3 succeeded, 2 failed, 3 still queued in 0:02, 2.5/s\n"


def test_a_bar_leaves_failures_to_the_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    display = BarDisplay()
    display.show(COUNTS, list(COUNTS.failures))
    display.close(COUNTS, list(COUNTS.failures))
    shown = capsys.readouterr().err
    assert "5/8" in shown
    assert "why" not in shown


def test_a_bar_that_is_closed_leaves_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    bar_over(3).close()
    assert capsys.readouterr().err.startswith("3 runs: 3 still queued")


def test_a_bar_says_that_the_batch_is_being_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    stopping = attrs.evolve(COUNTS, note="stopping")
    LinesDisplay().show(stopping, [])
    BarDisplay().show(stopping, [])
    lines, bar = capsys.readouterr().err.split("\n", 1)
    assert lines == "launchpad: 5 of 8 runs have ended, 2 failed, 2.5/s, stopping"
    assert "stopping" in bar
