"""Results as charts, for the documentation. matplotlib is needed here alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import Record, contenders, figure, sizes
from tables import number

OURS, OTHERS = "#1d5fa8", "#b8c4cc"
LINES = ("#8a97a0", OURS, "#d08a2e", "#5a9367", "#8b5fa8")


def bars(record: Record, path: Path) -> None:
    """A panel for each size, of the first metric; where there is one size, one for each metric."""
    at, metrics = sizes(record), list(record["values"])
    panels = [(metric, at[0], metric) for metric in metrics[:2]]
    if len(at) > 1:
        panels = [(metrics[0], size, f"{metrics[0]}, {size} {record['size']}") for size in at]
    names = contenders(record)[::-1]
    canvas, axes = _canvas(len(panels), 0.8 + 0.32 * len(names), record["title"], sharey=True)
    for axis, (metric, size, title) in zip(axes, panels, strict=True):
        _bars(axis, record, metric, size, names)
        axis.set_title(title, fontsize=9)
    _write(canvas, path)


def _bars(axis: Any, record: Record, metric: str, size: str, names: list[str]) -> None:
    most = 0.0
    for position, name in enumerate(names):
        found = figure(record, metric, name, size)
        if found is None:
            axis.text(0, position, " not measured", va="center", fontsize=7, color="#888888")
            continue
        spread = [[found.median - found.least], [found.most - found.median]]
        axis.barh(position, found.median, xerr=spread, color=_colour(name), ecolor="#555555", capsize=2, height=0.65)
        ratio = "" if found.ratio is None or name == record["base"] else f" (x{found.ratio:.2f})"
        axis.text(found.most, position, f"  {number(found.median)}{ratio}", va="center", fontsize=8)
        most = max(most, found.most)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlim(0, most * 1.55 or 1)
    axis.xaxis.set_major_locator(_ticks())


def lines(record: Record, path: Path) -> None:
    """A panel for each metric, by size."""
    growth({name: (record, name) for name in contenders(record)}, list(record["values"]), record["title"], path)


def growth(rows: Mapping[str, tuple[Record, str]], metrics: list[str], title: str, path: Path) -> None:
    """A panel for each metric with a line for each row, which names a record and a contender in it."""
    canvas, axes = _canvas(3, 2.6 * -(-len(metrics) // 3), title, rows=-(-len(metrics) // 3))
    for axis, metric in zip(axes, metrics, strict=False):
        for colour, (label, (record, contender)) in zip(LINES, rows.items(), strict=False):
            points = [
                (int(size), found.median)
                for size in sizes(record)
                if (found := figure(record, metric, contender, size))
            ]
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label, color=colour)
        axis.set(xscale="log", yscale="log")
        axis.set_title(f"{metric}, by runs in flight", fontsize=9)
        axis.grid(alpha=0.25)
    axes[0].legend(frameon=False, fontsize=8)
    _write(canvas, path)


def _colour(name: str) -> str:
    return OURS if name.startswith("launchpad") else OTHERS


def _canvas(columns: int, height: float, title: str, *, rows: int = 1, sharey: bool = False) -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "launchpad", "svg.fonttype": "none", "font.size": 8})
    from matplotlib import pyplot

    canvas, axes = pyplot.subplots(
        rows, columns, figsize=(9, height), sharey=sharey, squeeze=False, layout="constrained"
    )
    canvas.suptitle(title, fontsize=11, x=0.01, ha="left")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return canvas, list(axes.flat)


def _ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(4)


def _write(canvas: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None})
    pyplot.close(canvas)
