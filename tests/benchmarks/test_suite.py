"""The benchmarks run, and the documentation shows their results."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted((DOCS / "benchmarks").glob("*.rst"))
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def benchmarks(*arguments: object) -> str:
    command = [sys.executable, str(ROOT / "benchmarks"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout


def test_a_quick_run_measures_every_metric_of_every_contender(tmp_path: Path) -> None:
    """`make bench-quick` runs all scenarios."""
    benchmarks("--quick", "--into", tmp_path, "processes-streamed")
    record = json.loads((tmp_path / "processes-streamed.json").read_text())
    assert (record["failed"], record["left_out"]) == ({}, {})
    rows = [row for contenders in record["values"].values() for row in contenders.values()]
    assert all(row and all(value >= 0 for values in row.values() for value in values) for row in rows)


def test_the_error_for_an_unknown_scenario_lists_the_scenarios() -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        benchmarks("processes", "swiftness")
    assert "no such scenario: swiftness; the scenarios are processes," in failure.value.stderr


def test_a_scenario_whose_engine_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert "left out: containers: start a Docker Engine" in benchmarks("--quick", "containers")


def test_results_have_no_paths_and_no_host_name() -> None:
    assert RESULTS
    assert [path for path in RESULTS if re.search(r"/home/|/root|/work|hostname", path.read_text())] == []


def test_the_documentation_includes_every_scenario() -> None:
    scenarios = set(re.findall(r"^   ([a-z-]+) +", benchmarks("--list"), re.MULTILINE))
    assert scenarios
    text = "".join(page.read_text() for page in PAGES)
    assert sorted(scenarios) == sorted(
        set(re.findall(r"^\.\. include:: ([a-z-]+)\.txt$", text, re.MULTILINE)) - {"growth"}
    )
    assert scenarios == {name for names in re.findall(r'ARGS="(.*)"', text) for name in names.split()}


def test_the_documentation_shows_the_current_results(tmp_path: Path) -> None:
    benchmarks("--publish", "--no-charts", "--docs", tmp_path)
    written = {path.name: path.read_text() for path in (tmp_path / "benchmarks").iterdir()}
    assert written == {path.name: path.read_text() for path in (DOCS / "benchmarks").glob("*.txt")}


def test_results_are_drawn_as_bars_and_as_lines(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'launchpad-runs[bench]'")
    for path in RESULTS:
        if path.stem in ("first", "flight"):
            shutil.copy(path, tmp_path)
    benchmarks("--publish", "--into", tmp_path, "--docs", tmp_path)
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert drawn == {"benchmark-first.svg", "benchmark-flight.svg", "benchmark-growth.svg"}
