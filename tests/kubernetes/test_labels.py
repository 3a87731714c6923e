"""Labels that Kubernetes accepts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchpad.kubernetes.labels import ATTEMPT, MANAGED_BY, RUN_ID, RUN_NAME, own_labels, valid_labels

VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")


def test_valid_labels_are_not_changed() -> None:
    labels = {"app.kubernetes.io/name": "My--App_1.0", "team": "", "A.b_c": "x"}
    assert valid_labels(labels) == labels


def test_case_is_kept_and_ends_are_stripped() -> None:
    assert valid_labels({"-Team-": "_Research & Things_"}) == {"Team": "Research-Things"}


def test_a_long_value_is_cut_before_its_ends_are_stripped() -> None:
    assert valid_labels({"k": "a" * 62 + "-b"}) == {"k": "a" * 62}


def test_a_prefix_becomes_a_domain_name() -> None:
    assert valid_labels({"Example.com/a": "1", "my_org/b": "2"}) == {"example.com/a": "1", "my-org/b": "2"}


@pytest.mark.parametrize("key", ["", "/", "---", "/name", "example.com/", "%%/name"])
def test_a_key_without_valid_characters_is_an_error(key: str) -> None:
    with pytest.raises(ValueError, match="labels"):
        valid_labels({key: "x"})


def test_a_value_without_valid_characters_is_an_error_that_names_the_key() -> None:
    with pytest.raises(ValueError, match="'team'"):
        valid_labels({"team": "///"})


def test_own_labels_are_valid_whatever_the_name_of_the_run() -> None:
    assert own_labels("run/1", "***") == {MANAGED_BY: "launchpad", RUN_ID: "run-1", RUN_NAME: "", ATTEMPT: "1"}


@given(st.text(min_size=1))
def test_every_value_is_valid_or_an_error(value: str) -> None:
    try:
        made = valid_labels({"key": value})["key"]
    except ValueError:
        return
    assert len(made) <= 63
    assert VALUE.match(made)
