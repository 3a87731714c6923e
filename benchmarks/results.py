"""Results as JSON: what was measured, on what, and every value; medians and ratios are computed from them."""

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

from scenario import Scenario

FOLDER = Path(__file__).parent / "results"

Record = dict[str, Any]
"""A scenario's results: `values[metric][contender][size]` has a value for each round."""

PACKAGES = ("launchpad", "docker", "kubernetes", "joblib", "parsl", "psij-python", "python-on-whales", "submitit")


@dataclass(frozen=True)
class Figure:
    """What the rounds of one contender at one size gave; `ratio` is to the first contender, None where it has none."""

    median: float
    least: float
    most: float
    ratio: float | None


def new(scenario: Scenario, quick: bool) -> Record:
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
    for metric, value in measured.items():
        record["values"][metric][contender].setdefault(str(size), []).append(float(f"{value:.4g}"))


def save(record: Record, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record['scenario']}.json").write_text(json.dumps(record, indent=1) + "\n")


def load(name: str, folder: Path) -> Record | None:
    """A scenario's record; None where it has not been measured."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def sizes(record: Record) -> list[str]:
    """The sizes that any contender was measured at, in order."""
    found = {size for rows in record["values"].values() for row in rows.values() for size in row}
    return sorted(found, key=int)


def figure(record: Record, metric: str, contender: str, size: str) -> Figure | None:
    """None where it was not measured."""
    values = record["values"][metric].get(contender, {}).get(size)
    if not values:
        return None
    of_base = ratio(record, metric, (contender, size), (record["base"], size))
    return Figure(statistics.median(values), min(values), max(values), of_base)


def ratio(record: Record, metric: str, one: tuple[str, str], other: tuple[str, str]) -> float | None:
    """Between two contenders, or sizes of one: the median of those within a round: a slow one counts for both."""
    ones, others = (record["values"][metric].get(name, {}).get(size, []) for name, size in (one, other))
    ratios = [mine / theirs for mine, theirs in zip(ones, others, strict=False) if theirs]
    return statistics.median(ratios) if ratios else None


def rounds(record: Record) -> str:
    """How many there were; "2 to 6" where some contenders were measured more often at some sizes."""
    counts = {len(values) for row in next(iter(record["values"].values())).values() for values in row.values()}
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def contenders(record: Record) -> list[str]:
    """Those that were measured, in order."""
    return [name for name, row in next(iter(record["values"].values())).items() if row]
