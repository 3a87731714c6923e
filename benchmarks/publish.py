"""Draws the charts and writes the tables of the documentation, from the existing results."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import results
import tables
import targets
from needs import BENCH
from scenarios import SCENARIOS

DOCS = Path(__file__).parent.parent / "docs"

GROWTH = {"SubprocessLauncher": "flight", "DockerLauncher": "container-flight", "KubernetesLauncher": "pod-flight"}

NOT_MEASURED = "Not measured yet. ``python benchmarks {}`` measures it.\n"


def publish(directory: Path, docs: Path, charts: bool = True) -> None:
    """Writes benchmarks/NAME.txt and pictures/benchmark-NAME.svg for every scenario, in the directory `docs`.

    Without `charts`, it writes the texts alone.
    """
    charts = charts and _can_draw()
    parts = {"targets": targets.page(directory), "growth": _growth(directory, docs, charts)}
    for name in SCENARIOS:
        record = results.load(name, directory)
        parts[name] = tables.page(record) if record else NOT_MEASURED.format(name)
        if record and charts:
            _draw(record, docs / "pictures" / f"benchmark-{name}.svg")
    (docs / "benchmarks").mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        (docs / "benchmarks" / f"{name}.txt").write_text(part, encoding="utf-8")


def _draw(record: results.Record, path: Path) -> None:
    import charts

    draw = charts.lines if SCENARIOS[record["scenario"]].chart == "lines" else charts.bars
    draw(record, path)


def _growth(directory: Path, docs: Path, draw: bool) -> str:
    records = {launcher: results.load(name, directory) for launcher, name in GROWTH.items()}
    rows = {launcher: (record, "launchpad") for launcher, record in records.items() if record}
    if not rows:
        return NOT_MEASURED.format(" ".join(GROWTH.values()))
    if draw:
        import charts

        metrics = ["quick runs/s beside them", "MB", "threads"]
        charts.growth(rows, metrics, "What a launcher costs", docs / "pictures" / "benchmark-growth.svg")
    return tables.image("growth", "What a launcher costs, by runs in flight")


def _can_draw() -> bool:
    if importlib.util.find_spec("matplotlib") is None:
        print(f"No charts: matplotlib is not installed: {BENCH}")
        return False
    return True
