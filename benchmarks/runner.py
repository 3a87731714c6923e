"""Measures a scenario: its contenders in alternating rounds, each measurement in a new process."""

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
from scenarios.scenario import Scenario

MEASUREMENT_TIMEOUT = 1800.0
"""Seconds that one measurement may take."""

QUICK_MEASUREMENTS = 4
"""How many measurements of a quick run are made at a time."""


class MeasurementError(Exception):
    """A measurement that failed, with the last line of its stderr."""


def measure_scenario(scenario: Scenario, quick: bool, rounds: int | None = None) -> results.Record:
    """Measures all contenders that are available here; `left_out` has the reason for each of the others.

    Makes one measurement at a time, except in a quick run, whose values do not matter.
    """
    record = results.new(scenario, quick)
    if scenario.engine:
        record["versions"]["engine"] = engine_version(scenario.engine)
    record["left_out"] = {name: why for name in scenario.contenders if (why := missing(name))}

    def measure(contender: tuple[str, int]) -> None:
        name, size = contender
        if name in record["failed"]:
            return
        _show(f"{scenario.name}: {name}, {size} {scenario.size}")
        try:
            results.add(record, name, size, _run_script(scenario.name, name, str(size), *(["quick"] if quick else [])))
        except MeasurementError as error:
            record["failed"][name] = str(error)

    with ThreadPoolExecutor(QUICK_MEASUREMENTS if quick else 1) as threads:
        for number in range(1 if quick else rounds or scenario.rounds):
            list(threads.map(measure, _round(scenario, record["left_out"], quick, number)))
    _show("")
    return record


def _show(what: str) -> None:
    """Shows the current measurement in one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{what}\x1b[K", end="", file=sys.stderr, flush=True)


def _round(scenario: Scenario, left_out: Collection[str], quick: bool, number: int) -> Iterator[tuple[str, int]]:
    """All contenders and their sizes; odd rounds go backwards, so that a slow moment affects all contenders alike."""
    for size in scenario.quick_sizes if quick else scenario.sizes:
        for name in list(scenario.contenders)[:: -1 if number % 2 else 1]:
            if name not in left_out and size <= scenario.largest.get(name, size):
                yield name, size


@functools.cache
def engine_version(name: str) -> str:
    """The version of an engine. MeasurementError, with what to do, if the engine does not answer."""
    try:
        return str(_run_script(name))
    except MeasurementError as error:
        raise MeasurementError(f"{ENGINES[name]} ({error})") from error


def _run_script(*arguments: str) -> Any:
    command = [sys.executable, str(Path(__file__).parent / "measurement_script.py"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, text=True) as process:
        try:
            out, errors = process.communicate(timeout=MEASUREMENT_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise MeasurementError(f"not finished after {MEASUREMENT_TIMEOUT:.0f} s") from error
        finally:
            process.terminate()
    if process.returncode:
        raise MeasurementError((errors.strip().splitlines() or [f"status {process.returncode}"])[-1])
    return json.loads(out.splitlines()[-1])
