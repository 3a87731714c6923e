"""Results as JSON: the measured values, with versions and machine. Medians and ratios are computed from them."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from scenarios.scenario import Scenario

DIRECTORY = Path(__file__).parent / "results"

Record = dict[str, Any]
"""The results of a scenario: `values[metric][contender][size]` has a value for each round."""

PACKAGES = ("launchpad-runs", "docker", "kubernetes", "joblib", "parsl", "psij-python", "python-on-whales", "submitit")


@dataclass(frozen=True)
class Figure:
    """The values of one contender at one size. `ratio` is to the first contender; None if that was not measured."""

    median: float
    least: float
    most: float
    ratio: float | None


def new(scenario: Scenario, quick: bool) -> Record:
    """A record without values."""
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "size": scenario.size,
        "command": f"python benchmarks {scenario.name}{' --quick' if quick else ''}",
        "measured": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": {
            "cores": os.cpu_count(),
            "kernel": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        },
        "versions": {"Python": platform.python_version(), **_versions()},
        "base": next(iter(scenario.contenders)),
        "left_out": {},
        "failed": {},
        "values": {metric: {name: {} for name in scenario.contenders} for metric in scenario.metrics},
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def add(record: Record, contender: str, size: int, measured: Mapping[str, float]) -> None:
    """Adds the values of one measurement, to four digits."""
    for metric, value in measured.items():
        record["values"][metric][contender].setdefault(str(size), []).append(float(f"{value:.4g}"))


def save(record: Record, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{record['scenario']}.json").write_text(json.dumps(record, indent=1) + "\n")


def load(name: str, directory: Path) -> Record | None:
    """The record of a scenario; None if it has not been measured."""
    path = directory / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def sizes(record: Record) -> list[str]:
    """The sizes of all measurements, in order."""
    found = {size for rows in record["values"].values() for row in rows.values() for size in row}
    return sorted(found, key=int)


def figure(record: Record, metric: str, contender: str, size: str) -> Figure | None:
    """The values of one contender at one size; None if it was not measured."""
    values = record["values"][metric].get(contender, {}).get(size)
    if not values:
        return None
    of_base = ratio(record, metric, (contender, size), (record["base"], size))
    return Figure(statistics.median(values), min(values), max(values), of_base)


def ratio(record: Record, metric: str, one: tuple[str, str], other: tuple[str, str]) -> float | None:
    """The median of the ratios within each round, of two contenders or two sizes; None if one was not measured."""
    ones, others = (record["values"][metric].get(name, {}).get(size, []) for name, size in (one, other))
    ratios = [value / base for value, base in zip(ones, others, strict=False) if base]
    return statistics.median(ratios) if ratios else None


def rounds(record: Record) -> str:
    """The number of rounds; "2 to 6" if some contenders were measured more often than others."""
    counts = {len(values) for row in next(iter(record["values"].values())).values() for values in row.values()}
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def contenders(record: Record) -> list[str]:
    """The contenders that were measured, in order."""
    return [name for name, row in next(iter(record["values"].values())).items() if row]
