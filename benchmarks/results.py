"""Results as JSON, with what they were measured on, and their charts."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"

Values = Mapping[str, list[float]]


def save(scenario: str, unit: str, values: Values, *, command: str) -> None:
    """Writes one scenario's measurements; `values` are those of each contender, a value a round."""
    RESULTS.mkdir(exist_ok=True)
    record: dict[str, Any] = {
        "scenario": scenario,
        "unit": unit,
        "command": command,
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": {"system": platform.system(), "python": platform.python_version(), "cores": os.cpu_count()},
        "values": {name: [round(value, 2) for value in row] for name, row in values.items()},
    }
    (RESULTS / f"{scenario}.json").write_text(json.dumps(record, indent=1) + "\n")


def load(scenario: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((RESULTS / f"{scenario}.json").read_text())
    return record


def ratios(values: Values, base: str) -> dict[str, float]:
    """Each one's median ratio to `base`, taken round by round: a slow round counts for both."""
    return {
        name: statistics.median(value / other for value, other in zip(row, values[base], strict=True))
        for name, row in values.items()
    }


def bars(scenario: str, title: str, base: str) -> Path:
    """Draws a scenario as horizontal bars: medians, their spread, and the ratio to `base`."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    record = load(scenario)
    values: Values = record["values"]
    names = list(values)[::-1]
    medians = [statistics.median(values[name]) for name in names]
    spread = [
        [median - min(values[name]) for name, median in zip(names, medians, strict=True)],
        [max(values[name]) - median for name, median in zip(names, medians, strict=True)],
    ]
    of_base = ratios(values, base)
    figure, axes = pyplot.subplots(figsize=(7.5, 0.5 + 0.42 * len(names)))
    colours = ["#2a6f97" if name.startswith("launchpad") else "#b8c4cc" for name in names]
    axes.barh(names, medians, xerr=spread, color=colours, ecolor="#555555", capsize=2, height=0.65)
    for position, (name, values_of) in enumerate(zip(names, medians, strict=True)):
        label = f"  {values_of:,.0f}  ({of_base[name]:.2f})"
        axes.text(max(values[name]), position, label, va="center", fontsize=9)
    axes.set_xlim(0, max(max(row) for row in values.values()) * 1.25)
    axes.set_xlabel(f"{record['unit']}; in parentheses: to {base}")
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return _written(figure, scenario)


def lines(scenario: str, title: str, x_label: str) -> Path:
    """Draws a scenario whose contenders are measured at several sizes: `values` are keyed "name @ size"."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    record = load(scenario)
    figure, axes = pyplot.subplots(figsize=(7.5, 3.4))
    by_name: dict[str, list[tuple[int, float]]] = {}
    for key, row in record["values"].items():
        name, _, size = key.partition(" @ ")
        by_name.setdefault(name, []).append((int(size), statistics.median(row)))
    for name, points in by_name.items():
        axes.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
    axes.set(xscale="log", xlabel=x_label, ylabel=record["unit"])
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return _written(figure, scenario)


def _written(figure: Any, scenario: str) -> Path:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"benchmark-{scenario}.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    return path
