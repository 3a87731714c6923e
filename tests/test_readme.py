"""Every example of the README works unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import documents

README = Path(__file__).parent.parent / "README.rst"

BLOCKS = documents.blocks(README, "python")


@pytest.mark.parametrize("block", [pytest.param(block, id=block.splitlines()[0]) for block in BLOCKS])
def test_an_example_runs(block: str, tmp_path: Path) -> None:
    documents.write_files(README, tmp_path)
    script = documents.run_python(block, tmp_path)
    assert (script.returncode, script.stderr) == (0, "")


@pytest.mark.parametrize("command", documents.commands(README))
def test_a_command_line_works(command: str, tmp_path: Path) -> None:
    documents.write_files(README, tmp_path)
    shell = documents.run_command(command, tmp_path)
    assert (shell.returncode, shell.stderr.count("Traceback")) == (0, 0), shell.stderr


def test_there_are_examples_to_run() -> None:
    assert len(BLOCKS) > 4
    assert len(documents.commands(README)) > 3
