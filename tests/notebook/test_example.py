"""The example notebook, executed from its first cell to its last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLE = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells, with what came of them."""
    folder = tmp_path_factory.mktemp("example")
    notebook = nbformat.read(EXAMPLE, as_version=4)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"IPYTHONDIR": str(folder / ".ipython")})
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> str:
    """All text that a cell has put out."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


def test_the_example_shows_the_bar_and_the_failures(cells: list[Any]) -> None:
    text = shown(next(cell for cell in cells if "progress=True" in cell.source))
    assert "8 runs: 7 succeeded, 1 failed" in text
    assert "no_such_package: failed: Exited with status 1." in text
    assert "there is no source in" in text


def test_it_shows_results_as_they_come(cells: list[Any]) -> None:
    text = shown(next(cell for cell in cells if "in progress(futures)" in cell.source))
    assert "no_such_package failed" in text
    assert text.count(" completed") == 7


def test_the_example_cancels_started_runs(cells: list[Any]) -> None:
    assert "cancelled" in shown(cells[-1])
    assert "never" not in shown(cells[-2])


def test_it_shows_no_value_of_a_variable(cells: list[Any]) -> None:
    assert "REPORT" in str(cells[0].outputs)
    assert "'short'" not in str(cells[0].outputs)


def test_it_is_kept_without_outputs() -> None:
    notebook = nbformat.read(EXAMPLE, as_version=4)
    assert [cell for cell in notebook.cells if cell.get("outputs")] == []
