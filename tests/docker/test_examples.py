"""The examples in examples/docker and the image in images/ work."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchpad import Run
from tests.helping import launch_recorded

from .conftest import Launch

ROOT = Path(__file__).parent.parent.parent
PYTHON = os.environ.get("LAUNCHPAD_TEST_IMAGE", "python:3.11")


@pytest.mark.docker
def test_the_example_words_counts_words() -> None:
    script = ROOT / "examples" / "docker" / "words.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "the: 4"


@pytest.mark.docker
def test_a_mounted_function_that_fails_shows_its_traceback(make: Launch, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("def fail(word):\n    raise ValueError(word)\n")
    launcher = make(image=PYTHON, auto_remove=True, volumes=[f"{tmp_path}:/app:ro"])
    run = Run(entrypoint="tasks.py:fail", parameters={"word": "nope"}, working_dir="/app")
    lines, outcome = launch_recorded(launcher, run)
    assert (outcome.exit_code, lines[-1]) == (1, "ValueError: nope")


@pytest.mark.docker
def test_a_missing_function_is_an_error_of_one_line(make: Launch) -> None:
    launcher = make(image=PYTHON, auto_remove=True)
    lines, outcome = launch_recorded(launcher, Run(entrypoint="nowhere:main"))
    assert (outcome.exit_code, len(lines)) == (2, 1)


@pytest.fixture
def image(engine: Any) -> Iterator[str]:
    """The default image, built on the Python image of the tests and without launchpad, which needs a package index."""
    tag = f"launchpad-test:{uuid.uuid4().hex}"
    with open(ROOT / "images" / "Dockerfile", "rb") as file:
        *_, last = engine.build(  # nocache: no other build shares or removes its layers
            fileobj=file, tag=tag, target="runs", buildargs={"BASE": PYTHON}, nocache=True, rm=True, decode=True
        )
    assert "error" not in last
    yield tag
    engine.remove_image(tag)


@pytest.mark.docker
def test_a_function_runs_in_the_default_image_s_folder(image: str, make: Launch, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("import os\ndef where():\n    print(os.getcwd())\n")
    launcher = make(image=image, auto_remove=True, volumes=[f"{tmp_path}:/app:ro"])
    lines, outcome = launch_recorded(launcher, Run(entrypoint="tasks:where"))
    assert (outcome.exit_code, lines) == (0, ["/app"])
