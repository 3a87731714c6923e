"""How objects look in a notebook."""

from __future__ import annotations

import attrs
import pytest

from launchpad import Handle, Outcome, Reason
from launchpad.jupyter import LONGEST_VALUE, html_table, shown_fields


def test_markup_in_a_value_is_escaped() -> None:
    page = html_table("<b>", {"<i>": "<script>", "&": "&amp;"})
    assert "<b>" not in page
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "&amp;amp;" in page


@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_values_are_left_out(nothing: object) -> None:
    assert "hint" not in html_table("title", {"hint": nothing, "message": "text"})


def test_a_long_value_is_cut() -> None:
    assert len(html_table("title", {"a": "x" * 10 * LONGEST_VALUE})) < 2 * LONGEST_VALUE


def test_fields_that_differ_from_their_defaults_are_shown_as_in_the_repr() -> None:
    @attrs.frozen
    class Thing:
        plain: int = 1
        other: int = 2
        many: list[int] = attrs.field(factory=list)
        masked: str = attrs.field(default="", repr=lambda value: "***")
        secret: str = attrs.field(default="", repr=False)

    assert shown_fields(Thing(plain=5, masked="s3cret", secret="s3cret")) == {"plain": 5, "masked": "***"}


def test_an_outcome_shows_how_the_run_ended() -> None:
    handle = Handle("subprocess", "1@2", "<i>", "host", "id")
    outcome = Outcome(ok=False, exit_code=3, reason=Reason.FAILED, message="Exited with status 3.", handle=handle)
    page = outcome._repr_html_()
    assert "Not successful: failed" in page
    assert "Exited with status 3." in page
    assert "&lt;i&gt;" in page


def test_a_failed_outcome_shows_its_last_lines_and_a_successful_one_does_not() -> None:
    failed = Outcome(ok=False, exit_code=3, reason=Reason.FAILED, tail=["<one>", "two"])
    assert failed._repr_html_().endswith("<pre>&lt;one&gt;\ntwo</pre>")
    assert "two" not in Outcome(ok=True, exit_code=0, reason=Reason.COMPLETED, tail=["two"])._repr_html_()
