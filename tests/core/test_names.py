"""Slugs of any text, and the candidates for a name that is taken."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchpad.core.names import NUMBERED, RANDOM, candidates, slug

DOCKER = "a-zA-Z0-9_.-"
JOB = "a-z0-9-"

LONGEST = 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("report", "report"),
        ("My Report: 1/2", "My-Report-1-2"),
        ("Größe", "Grosse"),
        ("отчет", "otchet"),
        ("日報", "Ri-Bao"),
        ("a_b.c", "a_b.c"),
        ("__.-a", "a"),
        ("a--b", "a-b"),
        ("a\nb\0c", "a-b-c"),
        ("R&amp;D &#99999999999999999999;", "R-amp-D-99999999999999999999"),
        ("café\u0301", "cafe"),
        ("\ud800x", "x"),
    ],
)
def test_text_is_transliterated_and_other_characters_become_one_dash(text: str, expected: str) -> None:
    assert slug(text, allowed=DOCKER, longest=250) == expected


@pytest.mark.parametrize("text", ["", "   ", "🎉🎉", "---", "._-", "\0", "\u200b"])
def test_a_text_without_a_letter_or_digit_leaves_nothing(text: str) -> None:
    assert slug(text, allowed=DOCKER, longest=250) == ""


def test_case_is_kept_by_default() -> None:
    assert slug("Daily Report", allowed=DOCKER, longest=250) == "Daily-Report"
    assert slug("Daily Report", allowed=JOB, longest=45, lowercase=True) == "daily-report"


def test_each_engine_sets_the_characters_that_may_not_end_a_slug() -> None:
    assert slug("a_b_.", allowed=DOCKER, longest=250) == "a_b"
    assert slug("a_b_.", allowed=DOCKER, longest=250, trailing="-") == "a_b_."


def test_a_cut_does_not_leave_a_dash_at_the_end() -> None:
    assert slug("abc def", allowed=JOB, longest=4) == "abc"


@given(st.text(max_size=60))
def test_a_slug_is_always_valid_and_is_its_own_slug(text: str) -> None:
    name = slug(text, allowed=JOB, longest=LONGEST, lowercase=True)
    assert re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?)?", name)
    assert slug(name, allowed=JOB, longest=LONGEST, lowercase=True) == name


def test_numbers_come_first_and_random_suffixes_then_and_then_it_ends() -> None:
    names = list(candidates("job", LONGEST))
    assert names[:NUMBERED] == ["job", "job-1", "job-2"]
    assert len(names) == NUMBERED + RANDOM
    assert all(re.fullmatch(r"job-[0-9a-f]{8}", name) for name in names[NUMBERED:])


@pytest.mark.parametrize("name", ["x" * 20, "x" * 300, "x" * 18 + "-1"])
def test_candidates_are_short_enough_and_unique(name: str) -> None:
    names = list(candidates(name, LONGEST))
    assert len(set(names)) == len(names) > NUMBERED
    assert max(map(len, names)) <= LONGEST


def test_a_suffix_does_not_follow_a_dash() -> None:
    assert list(candidates("x" * 17 + "-yy", LONGEST))[1] == "x" * 17 + "-1"


def test_two_searches_try_different_random_names() -> None:
    first, second = (list(candidates("job", LONGEST))[NUMBERED:] for _ in range(2))
    assert not set(first) & set(second)
