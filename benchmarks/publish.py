"""Draws the charts and writes the tables that the documentation shows, from the results that there are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import results
import tables
from needs import BENCH
from scenarios import SCENARIOS

DOCS = Path(__file__).parent.parent / "docs"

GROWTH = {"SubprocessLauncher": "flight", "DockerLauncher": "container-flight", "KubernetesLauncher": "pod-flight"}


def publish(folder: Path, docs: Path) -> None:
    """Writes docs/benchmarks/NAME.txt and docs/pictures/benchmark-NAME.svg for every result in `folder`."""
    (docs / "benchmarks").mkdir(parents=True, exist_ok=True)
    for name in SCENARIOS:
        if record := results.load(name, folder):
            (docs / "benchmarks" / f"{name}.txt").write_text(tables.page(record), encoding="utf-8")
            _draw(record, docs / "pictures" / f"benchmark-{name}.svg")
    _draw_growth(folder, docs / "pictures" / "benchmark-growth.svg")


def _draw(record: results.Record, path: Path) -> None:
    if _can_draw():
        import charts

        draw = charts.lines if SCENARIOS[record["scenario"]].chart == "lines" else charts.bars
        draw(record, path)


def _draw_growth(folder: Path, path: Path) -> None:
    records = {launcher: results.load(name, folder) for launcher, name in GROWTH.items()}
    rows = {launcher: (record, "launchpad") for launcher, record in records.items() if record}
    if rows and _can_draw():
        import charts

        metrics = ["quick runs/s beside them", "MB", "threads"]
        charts.growth(rows, metrics, "What a launcher costs, by runs in flight", path)


def _can_draw() -> bool:
    if importlib.util.find_spec("matplotlib") is None:
        print(f"No charts: matplotlib is not installed: {BENCH}")
        return False
    return True
