"""Writes docs/faults.inc, the tables of docs/faults.rst, from the matrix and the counts of its last plays.

python -m tests.faults.page
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .row import TRUE_RESULT, Row
from .table import ROWS

MEASURED = Path(__file__).with_name("measured.json")
"""The counts by the name of the row: `make faults ARGS="--faults-to tests/faults/measured.json"`."""

PAGE = Path(__file__).parents[2] / "docs" / "faults.inc"

HEAD = """\
.. list-table::
   :header-rows: 1
   :widths: 11 32 33 6 6 6 6

   * - Engine
     - When
     - Your run
     - Runs
     - Wrong
     - Lines
     - Left
"""

COUNTS = ("runs", "wrong", "lines", "left")


def render() -> str:
    """The sections of the page, one for each kind of fault, and a sentence with the sums."""
    measured: Mapping[str, Mapping[str, int]] = json.loads(MEASURED.read_text())
    return "\n".join([_sums(measured), *_sections(measured)])


def _sums(measured: Mapping[str, Mapping[str, int]]) -> str:
    held = [measured[row.name] for row in ROWS if not row.open and row.name in measured]
    runs, wrong, lines, left = (sum(counts[name] for counts in held) for name in COUNTS)
    unfulfilled = sum(bool(row.open) for row in ROWS)
    rows = f"{len(ROWS)} rows, of which {unfulfilled} are not yet true" if unfulfilled else f"{len(ROWS)} rows"
    return (
        f"The matrix has {rows}. The last plays of {len(held)} of them had\n"
        f"{runs} runs: {wrong} wrong results, {lines} lost or repeated lines, {left} things left behind.\n"
    )


def _sections(measured: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for kind in dict.fromkeys(row.kind for row in ROWS):
        yield f"{kind}\n{'-' * len(kind)}\n"
        rows = sorted((row for row in ROWS if row.kind == kind), key=lambda row: row.engine.lower() != "local")
        yield HEAD + "".join(_cells(row, measured.get(row.name, {})) for row in rows)


def _cells(row: Row, counts: Mapping[str, int]) -> str:
    cells: list[Any] = [row.engine, row.when, expected(row), *(counts.get(name, "-") for name in COUNTS)]
    return "   * " + "\n     ".join(f"- {cell}" for cell in cells) + "\n"


def expected(row: Row) -> str:
    """What the page says of the run."""
    said = "its own result; every line" if row.expect == TRUE_RESULT else str(row.expect)
    if row.adopted:
        said += ", for another process " + ("with the journal" if row.plan.journal else "that waits")
    return f"{said}. **Not yet**: {row.open}" if row.open else said


if __name__ == "__main__":
    PAGE.write_text(render())
