"""Results as charts, for the documentation. The only module that needs matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import Record, contenders, figure, sizes
from tables import number, times

LAUNCHPAD, OTHERS = "#1d5fa8", "#b8c4cc"
LINES = ("#8a97a0", LAUNCHPAD, "#d08a2e", "#5a9367", "#8b5fa8")


def bars(record: Record, path: Path) -> None:
    """Draws a panel of the first metric for each size; for a single size, a panel for each of two metrics."""
    at, metrics = sizes(record), list(record["values"])
    panels = [(metric, at[0], metric) for metric in metrics[:2]]
    if len(at) > 1:
        panels = [(metrics[0], size, f"{metrics[0]}, {record['size']}: {size}") for size in at]
    names = contenders(record)[::-1]
    canvas, axes = _canvas(len(panels), 0.8 + 0.32 * len(names), record["title"], sharey=True)
    for axis, (metric, size, title) in zip(axes, panels, strict=True):
        _bars(axis, record, metric, size, names)
        axis.set_title(title, fontsize=9)
    _write(canvas, path)


def _bars(axis: Any, record: Record, metric: str, size: str, names: list[str]) -> None:
    found = {name: at for name in names if (at := figure(record, metric, name, size))}
    least, most = min(at.least for at in found.values()), max(at.most for at in found.values())
    far_apart = "/s" not in metric and 0 < least * 100 < most
    for position, name in enumerate(names):
        if (at := found.get(name)) is None:
            axis.text(
                least / 2 if far_apart else 0, position, " not measured", va="center", fontsize=7, color="#888888"
            )
            continue
        spread = [[at.median - at.least], [at.most - at.median]]
        axis.barh(position, at.median, xerr=spread, color=_colour(name), ecolor="#555555", capsize=2, height=0.65)
        ratio = "" if at.ratio is None or name == record["base"] else f" ({times(at.ratio)})"
        axis.text(at.most, position, f"  {number(at.median)}{ratio}", va="center", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    if far_apart:
        axis.set(xscale="log", xlim=(least / 2, most * (most / least) ** 0.5))
    else:
        axis.set_xlim(0, most * 1.55)
        axis.locator_params(axis="x", nbins=4)
    axis.xaxis.set_major_formatter("{x:g}")


def lines(record: Record, path: Path) -> None:
    """Draws a panel for each metric, by size, with a linear axis for rates."""
    rows = {name: (record, name) for name in contenders(record)}
    _lines(rows, list(record["values"]), record["title"], path, linear_rates=True)


def growth(rows: Mapping[str, tuple[Record, str]], metrics: list[str], title: str, path: Path) -> None:
    """Draws a panel for each metric, with a line for each row: a record and one of its contenders."""
    _lines(rows, metrics, title, path, linear_rates=False)


def _lines(
    rows: Mapping[str, tuple[Record, str]], metrics: list[str], title: str, path: Path, *, linear_rates: bool
) -> None:
    down = -(-len(metrics) // 3)
    canvas, axes = _canvas(3, 2.6 * down, title, rows=down)
    for axis, metric in zip(axes, metrics, strict=True):
        for colour, (label, (record, contender)) in zip(LINES, rows.items(), strict=False):
            figures = {int(size): figure(record, metric, contender, size) for size in sizes(record)}
            points = [(size, found.median) for size, found in figures.items() if found]
            axis.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label, color=colour)
        axis.set_xscale("log")
        if not (linear_rates and "/s" in metric):
            axis.set_yscale("symlog", linthresh=1)
        axis.set_ylim(bottom=0)
        axis.xaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.set_title(f"{metric}, by runs in flight", fontsize=9)
        axis.grid(alpha=0.25)
    axes[0].legend(frameon=False, fontsize=8)
    _write(canvas, path)


def _colour(name: str) -> str:
    return LAUNCHPAD if name.startswith("launchpad") else OTHERS


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


def _write(canvas: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(path, metadata={"Date": None})
    pyplot.close(canvas)
