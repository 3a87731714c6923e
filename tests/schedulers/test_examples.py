"""The examples of schedulers run unchanged, and need neither the main thread nor signals nor an event loop."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent.parent / "examples" / "schedulers"

NEEDS = {
    "with_apscheduler": "apscheduler",
    "with_dask": "dask",
    "with_flask": "flask",
    "with_joblib": "joblib",
    "with_schedule": "schedule",
}

PRINTS = {
    "with_apscheduler": "report succeeded",
    "with_asyncio": "[True, False, True]\ntimed out: the run is being stopped\nhello\nTrue",
    "with_dask": "(['2', '4', '6', '8'], '20')",
    "with_flask": "{'state': 'completed'}",
    "with_joblib": "[True, False, True, False]",
    "with_schedule": "tick\nTrue",
    "with_threads": "[('north', True), ('south', True), ('west', True)]",
}

OFF_THE_MAIN_THREAD = """
import importlib, signal, sys, threading

errors = []
threading.excepthook = errors.append
before = [signal.getsignal(number) for number in signal.valid_signals()]
thread = threading.Thread(target=importlib.import_module(sys.argv[1]).main)
thread.start()
thread.join()
assert before == [signal.getsignal(number) for number in signal.valid_signals()]
sys.exit(str(errors[0].exc_value) if errors else 0)
"""

each_example = pytest.mark.parametrize("name", sorted(PRINTS))


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if (package := NEEDS.get(name)) and importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'launchpad-runs[dev]'")
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_example_is_tested() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == set(PRINTS)


@each_example
def test_an_example_runs(name: str) -> None:
    ended = run(name, f"{name}.py")
    assert ended.returncode == 0, ended.stderr
    assert PRINTS[name] in ended.stdout


@each_example
def test_an_example_runs_off_the_main_thread(name: str) -> None:
    ended = run(name, "-c", OFF_THE_MAIN_THREAD, name)
    assert ended.returncode == 0, ended.stderr
    assert PRINTS[name] in ended.stdout
