"""How the runs of a row are judged, and that the page shows the matrix of the tests."""

from __future__ import annotations

from typing import Any

import pytest

from .judge import judge, wrong_lines
from .page import PAGE, render
from .row import GONE, TRUE_RESULT, Expect, Row
from .table import ROWS

GOOD: dict[str, Any] = {"error": "", "said": "Exited.", "reason": "FAILED", "exit_code": 3, "complete": True}


def lines(*numbers: int) -> list[str]:
    return [f"line {number}" for number in numbers]


@pytest.mark.parametrize(
    ("result", "wrong"),
    [
        (GOOD, 0),
        ({**GOOD, "exit_code": 0}, 1),
        ({**GOOD, "reason": "STOPPED"}, 1),
        ({**GOOD, "error": "OSError"}, 1),
        (None, 1),
    ],
)
def test_a_result_that_is_not_expected_or_missing_is_wrong(result: dict[str, Any] | None, wrong: int) -> None:
    verdict = judge(TRUE_RESULT, [result], [lines(0, 1)], 2, [])
    assert (verdict.runs, verdict.wrong, verdict.lines) == (1, wrong, 0)


def test_an_error_is_expected_only_with_its_words() -> None:
    expect = Expect(errors=("LaunchError: ulimit -n",))
    said = [{**GOOD, "error": "LaunchError", "said": words} for words in ("raise it (ulimit -n)", "another fault")]
    assert judge(expect, said, [[], []], 2, []).wrong == 1


@pytest.mark.parametrize(
    ("numbers", "count"), [((0, 1, 2), 0), ((0, 2), 1), ((0, 1), 1), ((0, 1, 1, 2), 1), ((1, 0, 2), 1), ((), 3)]
)
def test_lost_repeated_and_disordered_lines_are_counted(numbers: tuple[int, ...], count: int) -> None:
    assert wrong_lines(TRUE_RESULT, GOOD, lines(*numbers), 3) == count


def test_lines_may_be_missing_at_the_end_of_a_stopped_run_but_not_before() -> None:
    stopped = Expect(("STOPPED",), (), "beginning")
    assert wrong_lines(stopped, GOOD, lines(0, 1), 9) == 0
    assert wrong_lines(stopped, GOOD, lines(0, 2), 9) == 1


def test_lost_lines_are_permitted_only_if_the_outcome_says_so() -> None:
    marked = Expect(lines="marked")
    assert wrong_lines(marked, GOOD, lines(0), 3) == 2
    assert wrong_lines(marked, {**GOOD, "complete": False}, lines(0), 3) == 0
    assert wrong_lines(marked, {**GOOD, "complete": False}, lines(0, 0), 3) == 1


def test_whatever_is_left_behind_counts() -> None:
    assert judge(GONE, [None], [[]], 2, ["a process"]).left == 1


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_the_page_shows_the_rows_of_the_tests() -> None:
    assert PAGE.read_text() == render(), "run: python -m tests.faults.page"


@pytest.mark.parametrize("row", [row for row in ROWS if row.quick], ids=lambda row: row.name)
def test_a_row_of_the_normal_tests_is_fulfilled_and_affects_no_other(row: Row) -> None:
    assert (row.open, row.alone, row.private) == ("", False, False)
