"""launchpad's settings from the environment, and the images of runs."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

import launchpad
from launchpad import LaunchError, Run, base_run_environment, get_image_name
from launchpad.environment import image_for

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAUNCHPAD_API_URL", raising=False)
    monkeypatch.delenv("LAUNCHPAD_IMAGE", raising=False)


def test_variables_that_are_not_set_are_absent() -> None:
    assert base_run_environment() == {}


def test_variables_that_are_set_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_API_URL", "http://localhost:4200/api")
    monkeypatch.setenv("LAUNCHPAD_IMAGE", "")
    monkeypatch.setenv("LAUNCHPAD_SOMETHING_ELSE", "1")
    assert base_run_environment() == {"LAUNCHPAD_API_URL": "http://localhost:4200/api", "LAUNCHPAD_IMAGE": ""}


@pytest.mark.parametrize(
    ("arguments", "tag"),
    [
        ({"version": "1.2.3", "python_version": "3.10"}, "1.2.3-python3.10"),
        ({"version": "1.2.3", "python_version": "3.10.4"}, "1.2.3-python3.10"),
        ({"version": "2.0b9", "python_version": "3.13.0rc1", "flavor": "conda"}, "2.0b9-python3.13-conda"),
        ({"version": "1.0+5.gabc", "python_version": "3.10"}, "dev-python3.10"),
        ({"version": "1.0+5.gabc", "python_version": "3.10", "flavor": "X"}, "dev-python3.10-X"),
        ({"version": "1.2.3"}, f"1.2.3-python{HERE}"),
        ({"version": "1.2.3", "flavor": "My Größe/GPU"}, f"1.2.3-python{HERE}-My-Grosse-GPU"),
        ({"version": "1.2.3", "flavor": ""}, f"1.2.3-python{HERE}"),
        ({"version": "..-1.2.3", "python_version": "3.10"}, "1.2.3-python3.10"),
    ],
)
def test_an_image_name_has_version_python_and_flavor_in_its_tag(arguments: Any, tag: str) -> None:
    assert get_image_name(**arguments) == f"launchpad/launchpad:{tag}"


def test_a_tag_is_at_most_128_characters() -> None:
    tag = get_image_name(version="1.2.3", flavor="x" * 200).partition(":")[2]
    assert re.fullmatch(r"1\.2\.3-python[0-9.]+-x+", tag)
    assert len(tag) == 128


@pytest.mark.parametrize("run", [Run(command=["true"]), Run(entrypoint="m:f")])
def test_a_run_uses_the_image_of_the_launcher_or_else_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("LAUNCHPAD_IMAGE", "usual:1")
    assert (image_for(run, "own:1"), image_for(run)) == ("own:1", "usual:1")


@pytest.mark.parametrize("unset", [None, ""])
def test_without_an_image_an_entrypoint_runs_in_that_of_this_python_and_a_command_is_an_error(
    monkeypatch: pytest.MonkeyPatch, unset: str | None
) -> None:
    monkeypatch.setenv("LAUNCHPAD_IMAGE", "")
    assert image_for(Run(entrypoint="m:f"), unset) == f"python:{HERE}-slim"
    with pytest.raises(LaunchError, match="set the launcher's image, or LAUNCHPAD_IMAGE"):
        image_for(Run(command=["true"]), unset)


def test_an_image_name_is_by_default_that_of_this_launchpad_and_this_python() -> None:
    try:
        installed = version("launchpad-runs")
    except PackageNotFoundError:
        installed = "0+unknown"
    assert launchpad.__version__ == installed
    assert get_image_name() == get_image_name(version=installed, python_version=HERE)


def test_importing_launchpad_imports_nothing_heavy_and_yet_offers_every_name() -> None:
    heavy = ["attr.nothing", "cattrs", "tenacity", "slugify", "yaml", "docker", "kubernetes", "importlib.metadata"]
    source = f"""
import sys, launchpad
print([name for name in {heavy!r} if name in sys.modules])
print([name for name in launchpad.__all__ if not hasattr(launchpad, name)])
"""
    said = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert said.stdout == "[]\n[]\n", said.stderr
