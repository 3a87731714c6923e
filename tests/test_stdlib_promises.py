"""CPython's own tests of ThreadPoolExecutor pass with LaunchExecutor. `promises.py` runs them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = "test.test_concurrent_futures"

pytestmark = pytest.mark.skipif(importlib.util.find_spec(TESTS) is None, reason=f"this interpreter lacks {TESTS}")

CLASSES = [
    "FutureTests",
    "ThreadPoolAsCompletedTest",
    "ThreadPoolExecutorTest",
    "ThreadPoolFailingInitializerTest",
    "ThreadPoolInitializerTest",
    "ThreadPoolShutdownTest",
    "ThreadPoolWaitTests",
]


def run_promises(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.promises", *arguments],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("name", CLASSES)
def test_cpythons_own_tests_pass(name: str) -> None:
    tests = run_promises(name)
    assert (tests.returncode, tests.stdout.count("Warning --")) == (0, 0), tests.stdout


def test_no_test_class_of_cpython_is_missing_here() -> None:
    assert run_promises().stdout.split() == CLASSES
