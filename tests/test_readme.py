"""Every example of the README works as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.rst"


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:    .*\n|\n)+)"
    return [textwrap.dedent(found) for found in re.findall(pattern, README.read_text(encoding="utf-8"), re.MULTILINE)]


def named_files(directory: Path) -> None:
    """Writes the files that the examples speak of: blocks whose first line is a comment with a file's name."""
    for block in blocks("python") + blocks("yaml"):
        if named := re.match(r"# (\S+\.(?:py|yaml))\n", block):
            (directory / named[1]).write_text(block)


@pytest.mark.parametrize("block", [pytest.param(block, id=block.splitlines()[0]) for block in blocks("python")])
def test_an_example_runs(block: str, tmp_path: Path) -> None:
    named_files(tmp_path)
    (tmp_path / "example.py").write_text(block)
    script = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (script.returncode, script.stderr) == (0, "")


def commands() -> list[str]:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ launchpad ")]


@pytest.mark.parametrize("command", commands())
def test_a_command_line_works(command: str, tmp_path: Path) -> None:
    named_files(tmp_path)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": path},
    )
    assert (shell.returncode, shell.stderr.count("Traceback")) == (0, 0), shell.stderr


def test_there_are_examples_to_run() -> None:
    assert len(blocks("python")) > 4
    assert len(commands()) > 3
