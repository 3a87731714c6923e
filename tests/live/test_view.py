"""Counts are rendered as text and as HTML, here without a terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len

from launchpad.live.summary import status
from launchpad.live.tally import Counts, Failure, Waits
from launchpad.live.view import TerminalView, as_html, as_text

BUSY = Counts(total=400, running=8, succeeded=110, failed=3, cancelled=1, seconds=9.7, rate=11.8)

PENDING = Counts(
    total=20, running=20, pending={"unschedulable": Waits(9, "0/3 nodes fit."), "pulling": Waits(3, "Pulling x.")}
)


@pytest.fixture
def view(monkeypatch: pytest.MonkeyPatch) -> TerminalView:
    monkeypatch.setenv("COLUMNS", "120")
    return TerminalView(io.StringIO())


def test_a_wide_bar_shows_all_states(view: TerminalView) -> None:
    bar = view.bar(BUSY)
    for fact in ("114/400", "3 failed", "1 cancelled", "8 running", "278 queued", "11.8/s", "0:25 left"):
        assert fact in bar


@pytest.mark.parametrize("width", [1, 2, 5, 7, 8, 10, 20, 33, 40, 60, 80, 120, 300])
def test_a_bar_fits_into_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    bar = TerminalView(io.StringIO()).bar(BUSY)
    assert cell_len(bar) <= max(1, width - 1)
    assert "\n" not in bar


def test_a_narrow_bar_shows_the_most_important_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    assert TerminalView(io.StringIO()).bar(BUSY).endswith("114/400  3 failed")


def test_slow_runs_are_counted_by_the_minute(view: TerminalView) -> None:
    assert "6.0/min" in view.bar(Counts(total=9, succeeded=2, seconds=20, rate=0.1))


def test_there_is_no_colour_without_a_terminal(view: TerminalView) -> None:
    assert "\x1b" not in view.bar(BUSY) + view.summary(BUSY) + view.failures([Failure("a", "b")])


def test_the_summary_counts_all_results(view: TerminalView) -> None:
    counts = Counts(total=12, succeeded=9, failed=2, cancelled=1, seconds=61, rate=0.2)
    assert view.summary(counts) == "12 runs: 9 succeeded, 2 failed, 1 cancelled in 1:01, 12.0/min\n"


def test_a_long_failure_stays_one_line(view: TerminalView) -> None:
    assert view.failures([Failure("name", "why " * 100)]).count("\n") == 1


def test_pending_runs_are_counted_by_the_reason(view: TerminalView) -> None:
    bar = view.bar(PENDING)
    assert "12 pending: 9 unschedulable, 3 pulling" in bar
    assert "8 running" in bar
    assert "12 pending: 9 unschedulable, 3 pulling" in status(PENDING)


def test_the_page_says_why_runs_are_pending_in_the_words_of_their_engine() -> None:
    assert "9 unschedulable: 0/3 nodes fit." in as_text(PENDING, over=False)
    assert "9 unschedulable: 0/3 nodes fit." in as_html(PENDING, over=False)
    assert "nodes" not in as_text(PENDING, over=True)


def test_the_page_holds_the_bar_and_the_failures() -> None:
    counts = Counts(total=30, failed=25, failures=(Failure("first", "failed: Exited with status 1."),))
    text = as_text(counts, over=False)
    assert "25/30" in text
    assert "first: failed: Exited with status 1." in text
    assert "and 24 more that failed" in text


def test_names_are_escaped_in_html() -> None:
    page = as_html(Counts(total=1, failed=1, failures=(Failure("<script>alert(1)</script>", "[red]&"),)), over=True)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "[red]&amp;" in page
    assert "1 run: " in page
