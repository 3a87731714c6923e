"""Results as tables, for the terminal and the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from results import Figure, Record, contenders, figure, rounds, sizes

Table = tuple[str, list[list[str]]]
"""A title, and rows; the first row has the column heads."""


def tables(record: Record) -> Iterator[Table]:
    """A table for each metric, with a column for each size; one table of all metrics if there is a single size."""
    names, at, metrics = contenders(record), sizes(record), list(record["values"])
    if len(at) == 1:
        rows = [[name, *(_cell(record, metric, name, at[0]) for metric in metrics)] for name in names]
        yield f"{record['title']}; {record['size']}: {at[0]}", [["", *metrics], *rows]
        return
    for metric in metrics:
        rows = [[name, *(_cell(record, metric, name, size) for size in at)] for name in names]
        yield f"{record['title']}: {metric}", [[record["size"], *at], *rows]


def _cell(record: Record, metric: str, contender: str, size: str) -> str:
    found = figure(record, metric, contender, size)
    return "" if found is None else shown(found)


def shown(found: Figure) -> str:
    """The median, the spread of several rounds, and the ratio."""
    spread = "" if found.least == found.most else f" ({number(found.least)} to {number(found.most)})"
    ratio = "" if found.ratio is None else f" {times(found.ratio)}"
    return f"{number(found.median)}{spread}{ratio}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def times(ratio: float) -> str:
    return f"x{ratio:.2f}" if ratio < 10 else f"x{ratio:,.0f}"


def text(record: Record) -> str:
    """The tables for the terminal, and the contenders that were left out or failed."""
    lines = []
    for title, rows in tables(record):
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", title]
        lines += ["  ".join(["", *map(str.ljust, row, widths)]).rstrip() for row in rows]
    for kind in ("left_out", "failed"):
        lines += [f"  {kind.replace('_', ' ')}: {name}: {why}" for name, why in record[kind].items()]
    return "\n".join(lines)


def page(record: Record) -> str:
    """A part of the documentation: chart, a sentence on the measurement, and the tables folded."""
    parts = [csv_table(title, rows) for title, rows in tables(record)]
    return "\n".join(
        [image(record["scenario"], record["title"]), measured_by(record), FOLDED, *parts, versions(record), UNFOLDED]
    )


FOLDED = '.. raw:: html\n\n   <details class="values"><summary>All values</summary>\n'
UNFOLDED = ".. raw:: html\n\n   </details>\n"


def image(name: str, alt: str) -> str:
    return f".. image:: /pictures/benchmark-{name}.svg\n   :alt: {alt}\n   :width: 100%\n"


def csv_table(title: str, rows: list[list[str]]) -> str:
    cells = [",".join(f'"{cell}"' for cell in row) for row in rows]
    return f".. csv-table:: {title}\n   :header-rows: 1\n\n" + "".join(f"   {row}\n" for row in cells)


def measured_by(record: Record) -> str:
    left_out = {**record["left_out"], **record["failed"]}
    sentences = [f"``{record['command']}``, {record['measured']}, rounds: {rounds(record)}."]
    sentences += [f"Left out: {name} ({why})." for name, why in left_out.items()]
    return " ".join(sentences) + "\n"


def versions(record: Record) -> str:
    """The machine and the versions, in a sentence."""
    machine = record["machine"]
    facts = [f"{machine['cores']} cores", machine["kernel"]]
    facts += [version if name == "engine" else f"{name} {version}" for name, version in record["versions"].items()]
    return f"{', '.join(facts)}.\n"
