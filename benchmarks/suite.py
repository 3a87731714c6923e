"""Runs the benchmarks side by side, writes the results as JSON and draws the charts.

    python benchmarks/suite.py                    all local scenarios, about ten minutes on two cores
    python benchmarks/suite.py rates-8 flight     some of them
    python benchmarks/suite.py --quick            a smoke run: few rounds of little, nothing is written
    python benchmarks/suite.py --charts           draws the charts of the results that are there

Contenders whose package or program is missing are left out, and named. Each is measured in a process of its own, in
interleaved rounds, so that a slow moment of the machine hits all alike.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import results
from contenders import CONTENDERS
from measure import interleaved

HERE = Path(__file__).parent
ROUNDS = 7


def _script(name: str, *arguments: object) -> str:
    """What a script beside this one prints last."""
    command = [sys.executable, str(HERE / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout.strip().splitlines()[-1]


def _available(workers: int) -> list[str]:
    """The contenders that can be measured here."""
    names = []
    for name in CONTENDERS:
        try:
            _script("contenders.py", name, 1, workers)
            names.append(name)
        except RuntimeError as error:
            print(f"  left out: {name} ({error})")
    return names


def rates(workers: int, quick: bool) -> dict[str, list[float]]:
    count, rounds = (24, 1) if quick else (60 if workers == 1 else 400, ROUNDS)
    names = _available(workers)
    return interleaved({name: _rate(name, count, workers) for name in names}, rounds)


def _rate(name: str, count: int, workers: int) -> Callable[[], float]:
    return lambda: float(_script("contenders.py", name, count, workers))


def flight(quick: bool) -> dict[str, dict[str, list[float]]]:
    """What N runs in flight cost, by what is measured."""
    sizes, rounds = ([1, 20], 1) if quick else ([1, 10, 100, 300, 1000], 3)
    measured: dict[str, dict[str, list[float]]] = {"starts": {}, "memory": {}}
    for _ in range(rounds):
        for size in sizes:
            record = json.loads(_script("flight.py", size))
            measured["starts"].setdefault(f"launchpad @ {size}", []).append(record["starts_per_second"])
            measured["memory"].setdefault(f"launchpad @ {size}", []).append(record["bytes"] / 1e6)
    return measured


def imports(quick: bool) -> dict[str, list[float]]:
    """Milliseconds to import, each in a fresh interpreter."""

    def of(what: str) -> Callable[[], float]:
        code = f"import time; t = time.perf_counter(); import {what}; print((time.perf_counter() - t) * 1000)"
        return lambda: float(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        )

    modules = {"what it stands on": "attrs, subprocess, concurrent.futures.thread", "launchpad": "launchpad"}
    for peer in ("psij", "parsl", "submitit", "joblib", "docker", "kubernetes"):
        if subprocess.run([sys.executable, "-c", f"import {peer}"], capture_output=True).returncode == 0:
            modules[peer] = peer
    return interleaved({name: of(what) for name, what in modules.items()}, 2 if quick else 15)


def _report(scenario: str, values: dict[str, list[float]], unit: str, base: str) -> None:
    print(f"\n{scenario} ({unit})")
    of_base = results.ratios(values, base) if base in values else {}
    for name, row in values.items():
        spread = f"{min(row):,.1f} to {max(row):,.1f}"
        print(f"  {name:<24}{statistics.median(row):>10,.1f}   ({spread:>22})  {of_base.get(name, float('nan')):6.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="rates-1, rates-8, rates-64, flight, imports")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--charts", action="store_true")
    arguments = parser.parse_args()
    wanted = arguments.scenarios or ["rates-1", "rates-8", "rates-64", "flight", "imports"]
    for scenario in wanted:
        if not arguments.charts:
            measure(scenario, arguments.quick)
        if not arguments.quick:
            draw(scenario)


def measure(scenario: str, quick: bool) -> None:
    """Measures one scenario, prints it and, unless quick, writes it down."""
    command = f"python benchmarks/suite.py {scenario}"
    if scenario == "flight":
        measured = flight(quick)
        tables = {"flight-starts": (measured["starts"], "starts/s"), "flight-memory": (measured["memory"], "MB")}
    elif scenario == "imports":
        tables = {"imports": (imports(quick), "ms")}
    else:
        tables = {scenario: (rates(int(scenario.removeprefix("rates-")), quick), "runs/s")}
    for name, (values, unit) in tables.items():
        _report(name, values, unit, BASES.get(name, "bare Popen"))
        if not quick:
            results.save(name, unit, values, command=command)


BASES = {"imports": "what it stands on"}


def draw(scenario: str) -> None:
    if scenario == "flight":
        results.lines("flight-starts", "Runs in flight: how fast they start", "runs in flight")
        results.lines("flight-memory", "Runs in flight: memory", "runs in flight")
    elif scenario == "imports":
        results.bars("imports", "Import time", BASES["imports"])
    else:
        workers = scenario.removeprefix("rates-")
        results.bars(scenario, f"Quick local processes, {workers} at once", "bare Popen")


if __name__ == "__main__":
    main()
