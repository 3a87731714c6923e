"""`table`: futures at any moment, as text, on a terminal and in a notebook."""

from __future__ import annotations

import io
from concurrent.futures import Future
from typing import Any

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Outcome, Reason, Run, RunError, table
from launchpad.live.table import MAX_FAILURES, MAX_ROWS, FutureTable
from launchpad.testing import FakeBackend, FakeLauncher, Script


def ended(name: str, outcome: Outcome) -> LaunchFuture:
    future = LaunchFuture(Run(command=["true"], name=name))
    future._end(outcome, None)
    return future


def failed(name: str, *tail: str) -> LaunchFuture:
    return ended(name, Outcome(ok=False, exit_code=1, reason=Reason.FAILED, message="Exited.", tail=tail))


def rich_text(shown: FutureTable, width: int = 100) -> str:
    console = pytest.importorskip("rich.console").Console(file=io.StringIO(), width=width, color_system=None)
    console.print(shown)
    text: str = console.file.getvalue()
    return text


def plain(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_a_row_has_the_state_of_a_future_now() -> None:
    fake = FakeBackend({"on": Script(exit_code=None), "bad": Script(exit_code=3)})
    with LaunchExecutor(FakeLauncher(fake), max_workers=1) as executor:
        futures = [executor.submit(Run(command=["true"], name=name)) for name in ("good", "bad", "on", "queued")]
        fake.wait_for("on", 60)
        shown = table(iter(futures))
        assert [line.split()[:4] for line in str(shown).splitlines()[:5]] == [
            ["name", "state", "reason", "code"],
            ["good", "succeeded", "completed", "0"],
            ["bad", "failed", "failed", "3"],
            ["on", "running", "1"],
            ["queued", "queued"],
        ]
        futures[3].cancel()
        fake.finish("on")
        assert futures[2].result(60)
        assert [line.split()[1] for line in str(shown).splitlines()[3:5]] == ["succeeded", "cancelled"]


def test_the_last_lines_of_a_failure_are_below() -> None:
    shown = table([failed("one", "Traceback", "  ValueError: no")])
    expected = ["one: failed: Exited.", "    Traceback", "      ValueError: no"]
    assert str(shown).splitlines()[-3:] == expected
    assert plain(rich_text(shown))[-3:] == expected
    assert "<pre" in shown._repr_html_()


def test_without_output_the_error_of_a_function_is_below() -> None:
    error = RunError("ValueError", "no", "Traceback")
    future = ended("one", Outcome(ok=False, exit_code=1, reason=Reason.FAILED, error=error))
    assert str(table([future])).splitlines()[-1] == "    ValueError: no"


def test_the_terminal_shows_what_the_text_shows() -> None:
    futures: list[Future[Any]] = [failed("漢字"), ended("a", Outcome(ok=True, exit_code=0, reason=Reason.COMPLETED))]
    assert plain(rich_text(table(futures))) == plain(str(table(futures)))


def test_a_narrow_terminal_is_not_exceeded() -> None:
    lines = rich_text(table([failed("a long name of a run", "x" * 100)]), width=30).splitlines()
    assert max(map(len, lines)) <= 30


def test_names_and_lines_cannot_change_the_terminal_or_the_page() -> None:
    shown = table([failed("<b>[red]\x1b[2J\u202e", "<script>", "[bold]\x1b[31m")])
    for text in (str(shown), rich_text(shown), repr(shown)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "<b>[red]\\x1b[2J\\u202e" in text
        assert "[bold]\\x1b[31m" in text
    assert "<script>" not in shown._repr_html_()
    assert "&lt;script&gt;" in shown._repr_html_()


def test_calls_are_futures_too() -> None:
    call: Future[object] = Future()
    call.set_exception(ValueError("no"))
    assert str(table([call])).splitlines()[-1] == "a call: ValueError: no"


def test_many_futures_are_a_table_of_bounded_size() -> None:
    text = str(table([failed(f"{number}") for number in range(MAX_ROWS + 5)]))
    assert text.splitlines()[-2:] == [
        f"and {MAX_ROWS + 5 - MAX_FAILURES} more that failed",
        "and 5 more futures without a row",
    ]
    assert len(table([])) == 0
    assert str(table([])).split() == ["name", "state", "reason", "code", "seconds", "attempts"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ended("a", Outcome(ok=True, reason=Reason.COMPLETED)), "a list of futures, not LaunchFuture"),
        (None, "a list of futures, not NoneType"),
        ([Outcome(ok=True, reason=Reason.COMPLETED)], "table takes futures, not Outcome"),
    ],
)
def test_other_objects_are_type_errors(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        table(given)
