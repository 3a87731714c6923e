"""Secrets in memory: no repr shows them, and errors carry no frames of other packages that hold them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from launchpad.secret import Secret, hidden, masked_login, revealed, without_frames, without_login


def test_a_secret_equals_its_text_and_no_repr_shows_it() -> None:
    secret = Secret("T0PSECRET")
    assert (secret, f"{secret}", hash(secret), json.dumps(secret)) == (
        "T0PSECRET",
        "T0PSECRET",
        hash("T0PSECRET"),
        '"T0PSECRET"',
    )
    assert {repr(secret), repr([secret[2:]])[1:-1], f"{secret!r}", ascii(secret)} == {"***"}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_of_a_secret_is_one(copied: object) -> None:
    assert callable(copied)
    assert isinstance(copied(Secret("a")), Secret)


def test_every_text_in_a_structure_is_hidden_and_revealed() -> None:
    plain = {"a": ["b", {"c": "d"}], "e": None, "f": 1}
    assert (hidden(plain), repr(hidden(plain))) == (plain, "{'a': [***, {'c': ***}], 'e': None, 'f': 1}")
    assert repr(revealed(hidden(plain))) == repr(plain)


@pytest.mark.parametrize(
    ("url", "without", "masked"),
    [
        ("tcp://u:p@h:1", "tcp://h:1", "tcp://***@h:1"),
        ("https://token@h/a@b", "https://h/a@b", "https://***@b"),
        ("tcp://u:p/q#r@h", "tcp://u:p/q#r@h", "tcp://***@h"),
        ("tcp://h:1", "tcp://h:1", "tcp://h:1"),
        ("://a@b", "://a@b", "://***@b"),
    ],
)
def test_an_address_is_shown_without_its_login(url: str, without: str, masked: str) -> None:
    assert (without_login(url), masked_login(url)) == (without, masked)


def test_errors_lose_the_frames_of_all_errors_before_them() -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise OSError("outer") from error

    with pytest.raises(OSError, match="outer") as caught:
        fail()
    assert without_frames(caught.value).__traceback__ is None
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__traceback__ is None
