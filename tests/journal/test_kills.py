"""Drivers that are killed, with real processes; `killed_drivers` has the same for any number and engine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.subprocess.sandbox import cgroup_root


@pytest.mark.skipif(cgroup_root() is None, reason="needs a cgroup that limits the processes")
def test_each_item_is_executed_and_recorded_once_whenever_its_driver_is_killed() -> None:
    command = [sys.executable, "-m", "tests.subprocess.sandbox", "200", "-m", "tests.journal.killed_drivers", "12", "3"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout.splitlines()[-1] == "exactly once", result.stdout + result.stderr
