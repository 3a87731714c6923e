"""Measures a scenario: its contenders side by side, in interleaved rounds, each time in a process of its own."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE
from typing import Any

import results
from needs import ENGINES, missing
from scenario import Scenario

PATIENCE = 1800.0
"""Seconds that one measurement may take."""


AT_A_TIME = 4
"""Measurements of a smoke run."""


class Failed(Exception):
    """A measurement that did not come to an end, with the last line of what it said."""


def measured(scenario: Scenario, quick: bool, rounds: int | None = None) -> results.Record:
    """What all contenders that can be measured here gave; the others are in `left_out`, with the reason.

    One measurement at a time, but for a smoke run, which has no need of quiet.
    """
    record = results.new(scenario, quick)
    if scenario.engine:
        record["versions"]["engine"] = engine(scenario.engine)
    record["left_out"] = {name: why for name in scenario.contenders if (why := missing(name))}

    def attempt(turn: tuple[str, int]) -> None:
        name, size = turn
        if name in record["failed"]:
            return
        _show(f"{scenario.name}: {name}, {size} {scenario.size}")
        try:
            results.add(record, name, size, _one(scenario.name, name, str(size), *(["quick"] if quick else [])))
        except Failed as failure:
            record["failed"][name] = str(failure)

    with ThreadPoolExecutor(AT_A_TIME if quick else 1) as threads:
        for turn in range(1 if quick else rounds or scenario.rounds):
            list(threads.map(attempt, _turns(scenario, record["left_out"], quick, turn)))
    _show("")
    return record


def _show(what: str) -> None:
    """Shows what is under way, in one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what}\x1b[K", end="", file=sys.stderr, flush=True)


def _turns(scenario: Scenario, left_out: Collection[str], quick: bool, turn: int) -> Iterator[tuple[str, int]]:
    """Every contender at every size, in turned order every other round: a slow moment hits all alike."""
    for size in scenario.quick if quick else scenario.sizes:
        for name in list(scenario.contenders)[:: -1 if turn % 2 else 1]:
            if name not in left_out and size <= scenario.at_most.get(name, size):
                yield name, size


@functools.cache
def engine(name: str) -> str:
    """The version of an engine that answers. Failed, with what to do."""
    try:
        return str(_one(name))
    except Failed as failure:
        raise Failed(f"{ENGINES[name]} ({failure})") from failure


def _one(*arguments: str) -> Any:
    command = [sys.executable, str(Path(__file__).parent / "one.py"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"not ended after {PATIENCE:.0f} s") from error
        finally:
            process.terminate()
    if process.returncode:
        raise Failed((errors.strip().splitlines() or [f"status {process.returncode}"])[-1])
    return json.loads(out.splitlines()[-1])
