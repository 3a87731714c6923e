"""The types of the public API, as mypy --strict sees them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy", reason="needs mypy: pip install 'launchpad-runs[dev]'")

HERE = Path(__file__).parent
_EXPECTED = re.compile(r"# error: (.+)$")
_REPORTED = re.compile(r"\A.*?(\w+)\.py:(\d+): error: .*\[([\w-]+)\]\Z")

Errors = dict[int, set[str]]
"""The codes of the errors in each line."""


@pytest.fixture(scope="module")
def reported() -> dict[str, Errors]:
    """The errors of each file. mypy reads launchpad from the cache that `make lint` fills."""
    command = [sys.executable, "-m", "mypy", "--strict", str(HERE / "good.py"), str(HERE / "bad.py")]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[str, Errors] = {"good": {}, "bad": {}}
    for line in done.stdout.splitlines():
        if match := _REPORTED.match(line):
            found[match[1]].setdefault(int(match[2]), set()).add(match[3])
    return found


def test_good_uses_are_accepted(reported: dict[str, Errors]) -> None:
    assert reported["good"] == {}


def test_each_bad_use_is_an_error_of_its_kind(reported: dict[str, Errors]) -> None:
    lines = enumerate((HERE / "bad.py").read_text().splitlines(), start=1)
    expected = {number: set(match[1].split(", ")) for number, line in lines if (match := _EXPECTED.search(line))}
    assert len(expected) > 50
    assert reported["bad"] == expected
