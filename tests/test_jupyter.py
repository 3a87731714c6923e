"""How objects look in a notebook."""

from __future__ import annotations

import attrs
import pytest

from launchpad import Handle, Outcome, Reason
from launchpad.display import LONGEST, settings, table


def test_markup_in_a_value_is_only_text() -> None:
    page = table("<b>", {"<i>": "<script>", "&": "&amp;"})
    assert "<b>" not in page
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "&amp;amp;" in page


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_says_nothing_is_left_out(nothing: object) -> None:
    assert "hint" not in table("title", {"hint": nothing, "message": "text"})


def test_a_long_value_is_cut() -> None:
    assert len(table("title", {"a": "x" * 10 * LONGEST})) < 2 * LONGEST


def test_only_what_is_not_the_default_is_shown_and_as_the_repr_shows_it() -> None:
    @attrs.frozen
    class Thing:
        plain: int = 1
        other: int = 2
        many: list[int] = attrs.field(factory=list)
        masked: str = attrs.field(default="", repr=lambda value: "***")
        secret: str = attrs.field(default="", repr=False)

    assert settings(Thing(plain=5, masked="s3cret", secret="s3cret")) == {"plain": 5, "masked": "***"}


def test_an_outcome_shows_how_the_run_ended() -> None:
    handle = Handle("subprocess", "1@2", "<i>", "host", "id")
    outcome = Outcome(ok=False, exit_code=3, reason=Reason.FAILED, message="Exited with status 3.", handle=handle)
    page = outcome._repr_html_()
    assert "Not successful: failed" in page
    assert "Exited with status 3." in page
    assert "&lt;i&gt;" in page
