"""What engines say, recorded: every situation is recognised in the words of every engine. Without an engine.

`words.jsonl` has the words; `situations.py` provokes and prints them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from launchpad.docker import words
from launchpad.docker.errors import ApiError, not_started
from launchpad.docker.images import pull_error
from launchpad.docker.words import REFUSED_PULLS, REFUSED_STARTS, Words

from .podman import LEFT_OUT
from .situations import LAUNCHES, REGISTRIES

RECORDED: list[dict[str, Any]] = [
    json.loads(line) for line in (Path(__file__).parent / "words.jsonl").read_text().splitlines()
]
SPEC = {"create": {"name": "n", "image": "i", "command": ["nope"]}}

NAMES = {
    "Docker": "Docker 20.10",
    "Docker 28": "Docker 28.5",
    "Docker 29": "Docker 28.5 with the defaults of 29",
    "Podman": "Podman 5.8",
    "Podman crun": "Podman 5.8 with crun",
}
"""The recorded engine for each name of the table."""

ADVICE = {
    **{situation: refused.advice for situation, refused in LAUNCHES.items()},
    **{situation: advice for situation, (advice, _) in REGISTRIES.items()},
    "port in use": "publish another",
    "port of another container": "publish another",
    "private mount": "make-rshared",
    "image for another platform": "set the option platform",
    "registry without TLS": "insecure registries",
}
PREDICATES = {
    "taken name": lambda error: error.is_taken_name,
    "remove while running": lambda error: error.is_still_running,
    "remove while paused": lambda error: error.is_still_running,
    "missing image": lambda error: error.is_missing_image,
    "platform not there": lambda error: error.is_missing_image,
    "second connection": lambda error: words.CONNECTED.match(error.message),
    "remove while being removed": lambda error: words.BEING_REMOVED.match(error.message),
    "inspect while being removed": lambda error: error.is_missing_container,
}
PULLS = {"missing tag", "missing repository", "image for another platform", *REGISTRIES, "registry without TLS"}
PULLS |= {"registry refuses connections"}


def recorded(situations: object) -> list[Any]:
    rows = [row for row in RECORDED if row["situation"] in situations]  # type: ignore[operator]
    return [pytest.param(row, id=f"{row['engine']}: {row['situation']}") for row in rows]


@pytest.mark.parametrize("row", recorded(ADVICE))
def test_a_refusal_is_explained_with_advice(row: dict[str, Any]) -> None:
    if row["situation"] in PULLS:
        error = pull_error("i", row["words"])
    else:
        error = not_started(SPEC, ApiError(row["words"], row["status"]))
    assert ADVICE[row["situation"]] in str(error)


@pytest.mark.parametrize("row", recorded(PREDICATES))
def test_a_refusal_that_launchpad_acts_on_is_recognised(row: dict[str, Any]) -> None:
    assert PREDICATES[row["situation"]](ApiError(row["words"], row["status"]))


def test_all_recorded_words_are_checked() -> None:
    assert {row["situation"] for row in RECORDED} <= {*ADVICE, *PREDICATES}


def table() -> list[Any]:
    situations = [each for each in vars(words).values() if isinstance(each, Words)]
    patterns = [pair for each in (*situations, *REFUSED_STARTS, *REFUSED_PULLS) for pair in each.patterns.items()]
    return [pytest.param(*pair, id=": ".join(pair)) for pair in dict.fromkeys(patterns) if pair[0] != "unrecorded"]


@pytest.mark.parametrize(("engine", "pattern"), table())
def test_a_pattern_of_the_table_is_in_the_words_of_its_engine(engine: str, pattern: str) -> None:
    assert any(Words({engine: pattern}).match(row["words"]) for row in RECORDED if row["engine"] == NAMES[engine])


def test_each_test_that_is_left_out_on_podman_exists() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py"))
    for name in LEFT_OUT:
        function, _, situation = name.partition("[")
        assert function in tests
        assert not situation or situation.removesuffix("]") in LAUNCHES
