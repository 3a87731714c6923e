"""The benchmarks run, and the page about them has what it needs of their results."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "benchmarks.rst"
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))

LOCAL = ["processes-streamed", "stream", "flight"]
"""Scenarios that need nothing but launchpad, and are soon over."""


def benchmarks(*arguments: object) -> str:
    command = [sys.executable, str(ROOT / "benchmarks"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("results")
    benchmarks("--quick", "--into", folder, *LOCAL)
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in LOCAL}


@pytest.mark.parametrize("name", LOCAL)
def test_a_quick_run_measures_all_contenders_by_all_metrics(name: str, records: dict[str, dict[str, Any]]) -> None:
    record = records[name]
    assert (record["failed"], record["left_out"]) == ({}, {})
    rows = [row for contenders in record["values"].values() for row in contenders.values()]
    assert all(row and all(value >= 0 for values in row.values() for value in values) for row in rows)


def test_a_scenario_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        benchmarks("processes", "swiftness")
    assert "no such scenario: swiftness; there are processes," in failure.value.stderr


def test_an_engine_that_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert "left out: containers: start a Docker Engine" in benchmarks("--quick", "containers")


def test_results_name_nobody() -> None:
    told = [record for record in RESULTS if re.search(r"/home/|/root|/work|hostname", record.read_text())]
    assert told == []


def test_the_page_explains_every_scenario() -> None:
    scenarios = set(re.findall(r"^   ([a-z-]+) +", benchmarks("--list"), re.MULTILINE))
    assert scenarios
    assert scenarios <= set(re.findall(r"^\.\. include:: benchmarks/([a-z-]+)\.txt$", PAGE.read_text(), re.MULTILINE))


def test_the_page_shows_the_results_that_there_are(tmp_path: Path) -> None:
    benchmarks("--publish", "--docs", tmp_path)
    written = {path.name: path.read_text() for path in (tmp_path / "benchmarks").iterdir()}
    assert written == {path.name: path.read_text() for path in (PAGE.parent / "benchmarks").iterdir()}
