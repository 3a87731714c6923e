"""The examples of the documentation run, and its tables are complete."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import launchpad
from launchpad import Reason
from launchpad.environment import SETTINGS

from . import documents

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [page for page in sorted(DOCS.glob("*.rst")) if page.stem != "kubernetes"]
"""All pages but the one on Kubernetes: tests/kubernetes runs its examples in a namespace of their own."""


def marks(page: Path) -> list[pytest.MarkDecorator]:
    return [pytest.mark.docker] if page.stem == "docker" else []


def examples() -> list[object]:
    return [
        pytest.param(page, block, id=f"{page.stem}-{number}", marks=marks(page))
        for page in PAGES
        for number, block in enumerate(documents.blocks(page, "python"), 1)
    ]


def command_lines() -> list[object]:
    return [
        pytest.param(page, line, id=f"{page.stem}: {line}", marks=marks(page))
        for page in PAGES
        for line in documents.commands(page)
    ]


@pytest.mark.parametrize(("page", "block"), examples())
def test_an_example_runs(page: Path, block: str, tmp_path: Path) -> None:
    for package in re.findall(r"^(?:import|from) (opentelemetry|rich)\b", block, re.MULTILINE):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'launchpad-runs[dev]'")
    documents.write_files(page, tmp_path)
    script = documents.run_python(block, tmp_path)
    assert (script.returncode, script.stderr) == (0, "")


@pytest.mark.parametrize(("page", "line"), command_lines())
def test_a_command_line_works(page: Path, line: str, tmp_path: Path) -> None:
    documents.write_files(page, tmp_path)
    shell = documents.run_command(line, tmp_path)
    assert (shell.returncode, shell.stderr.count("Traceback")) == (0, 0), shell.stderr


WIDTH = 88
"""Columns of a code block that fit beside the table of contents. In a narrower window, blocks scroll sideways."""

SHOWN = [*sorted(DOCS.rglob("*.rst")), DOCS.parent / "README.rst", DOCS.parent / "CONTRIBUTING.rst"]


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_code_of_a_page_fits_the_column(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.findall(r"^( *)(?:\.\. code-block:: .*|[^.\s].*::|)\n\n((?:\1    .*\n|\n)+)", text + "\n", re.MULTILINE)
    lines = [line.removeprefix(indent + "    ") for indent, block in shown for line in block.splitlines()]
    for included in re.findall(r"^\.\. (?:literalinclude|include):: (\S+\.py)$", text, re.MULTILINE):
        lines += (page.parent / included).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


def test_the_reference_has_every_public_name() -> None:
    shown = re.findall(r"^\.\. auto\w+:: (\w+)$", (DOCS / "reference.rst").read_text(), re.MULTILINE)
    assert set(launchpad.__all__) - {"__version__"} <= set(shown)


def first_column(heading: str) -> list[str]:
    """The first column of the table under a heading of behaviour.rst."""
    text = (DOCS / "behaviour.rst").read_text()
    section = text[text.index(f"\n{heading}\n") :]
    return re.findall(r"^   \* - ``?(?:Reason\.)?(\w+)", section[: section.index("\n\n.. _end-")], re.MULTILINE)


def test_the_table_of_reasons_has_every_reason() -> None:
    assert first_column("Reasons") == [reason.name for reason in Reason]


def test_the_table_of_variables_has_every_setting() -> None:
    assert set(SETTINGS) <= set(first_column("Environment variables"))
