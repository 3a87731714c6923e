"""Extracts the examples of a page of documentation, and runs them in a directory as a reader would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

EXAMPLE_TIMEOUT = 120.0
"""Seconds that an example may take."""


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks of these languages in a page, in order."""
    pattern = rf"^\.\. code-block:: (?:{'|'.join(languages)})\n\n((?:    .*\n|\n)+)"
    found = re.findall(pattern, page.read_text(encoding="utf-8") + "\n", re.MULTILINE)
    return [textwrap.dedent(block).strip("\n") + "\n" for block in found]


def commands(page: Path) -> list[str]:
    """The launchpad commands that a page shows after a "$"."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if re.match(r"\$ (.*\| )?launchpad ", line)]


def write_files(page: Path, folder: Path) -> None:
    """Writes the files of a page: those it includes, and blocks whose first line is a comment with a file name."""
    for included in re.findall(r"^\.\. literalinclude:: (\S+\.py)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        shutil.copy(page.parent / included, folder)
    for block in blocks(page, "python", "yaml"):
        if named := re.match(r"# (\S+\.(?:py|yaml))\n", block):
            (folder / named[1]).write_text(block, encoding="utf-8")


def run_python(block: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a block as a script. Warnings are errors."""
    (folder / "example.py").write_text(block, encoding="utf-8")
    return _run([sys.executable, "-X", "dev", "-W", "error", "example.py"], folder)


def run_command(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a line in a shell, with the command `launchpad` on PATH."""
    return _run(["sh", "-c", line], folder)


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=EXAMPLE_TIMEOUT, env=environ)
