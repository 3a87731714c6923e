"""Which items of two batches are the same."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import Run
from launchpad.journal.identity import Keys

SALT = bytes(32)
BASE: dict[str, Any] = {"command": ["job"], "env": {"TOKEN": "s3cret"}, "timeout": 5}


def keys_of(*runs: Run, salt: bytes = SALT) -> list[bytes]:
    keys = Keys(salt)
    return [keys.next_of(run) for run in runs]


def test_equal_runs_have_the_same_keys_in_every_process_whatever_their_ids_are() -> None:
    assert keys_of(Run(**BASE)) == keys_of(Run(**BASE))
    assert keys_of(Run(command=["job"], name="")) == keys_of(Run(command=["job"], name=""))


@pytest.mark.parametrize(
    "change",
    [
        {"command": ["job", "x"]},
        {"env": {"TOKEN": "other"}},
        {"env": {}},
        {"timeout": 6},
        {"name": "n"},
        {"labels": {"a": "b"}},
    ],
)
def test_an_edited_run_has_another_key(change: dict[str, Any]) -> None:
    assert keys_of(Run(**BASE)) != keys_of(Run(**{**BASE, **change}))


def test_parameters_count() -> None:
    first, second = (Run(entrypoint="m:f", parameters={"day": day}) for day in (1, 2))
    assert keys_of(first) != keys_of(second)


def test_each_occurrence_of_a_run_is_an_item() -> None:
    first, second, third = keys_of(Run(**BASE), Run(**BASE), Run(**BASE))
    assert len({first, second, third}) == 3


def test_the_key_cannot_be_found_without_the_salt_of_the_journal() -> None:
    assert keys_of(Run(**BASE)) != keys_of(Run(**BASE), salt=bytes(31) + b"x")
