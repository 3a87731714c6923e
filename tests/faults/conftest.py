"""The number of plays of a row, the engine that rows may stop, and the table of what was counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.docker.private_engine import PrivateEngine

from .judge import Verdict
from .row import Row

COUNTED = "counted"
"""The property of a test report that has the counts of a row; it also comes from processes of pytest-xdist."""


@pytest.fixture
def plays(request: pytest.FixtureRequest) -> int:
    """How many times a row is played."""
    return max(1, request.config.getoption("faults"))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[Row, Verdict], None]:
    """Notes the counts of a row for the table."""

    def record(row: Row, verdict: Verdict) -> None:
        counts = attrs.asdict(verdict, filter=attrs.filters.exclude("details"))
        request.node.user_properties.append((COUNTED, json.dumps([row.name, counts])))

    return record


@pytest.fixture(scope="session")
def private() -> Iterator[Callable[[], PrivateEngine]]:
    """The engine that only these rows use: it is started by the first of them."""
    made: list[PrivateEngine] = []

    def engine() -> PrivateEngine:
        if not made:
            made.append(PrivateEngine("launchpad-faults"))
        return made[0]

    yield engine
    for one in made:
        one.down()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table, and adds its counts to a file."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    counted: dict[str, dict[str, int]] = dict(json.loads(value) for name, value in properties if name == COUNTED)
    if not counted or not config.getoption("faults"):
        return
    terminalreporter.section("faults")
    terminalreporter.write_line(f"{'runs':>5} {'wrong':>5} {'lines':>5} {'left':>5}  row")
    total = Verdict()
    for name, counts in counted.items():
        total.add(Verdict(**counts))
        terminalreporter.write_line(_line(Verdict(**counts), name))
    terminalreporter.write_line(_line(total, f"{len(counted)} rows"))
    if file := config.getoption("faults_to"):
        known = json.loads(Path(file).read_text()) if Path(file).exists() else {}
        Path(file).write_text(json.dumps(known | counted, indent=1, sort_keys=True) + "\n")


def _line(verdict: Verdict, name: str) -> str:
    return f"{verdict.runs:>5} {verdict.wrong:>5} {verdict.lines:>5} {verdict.left:>5}  {name}"
