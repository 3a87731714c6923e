"""Runs every test of the suite with every harness."""

from __future__ import annotations

import functools
import importlib
import pathlib
from collections.abc import Callable, Iterator

import pytest

from launchpad import Handle, Launcher, Run

from .harness import Harness

Start = Callable[[Run], Handle]


def harness_classes() -> list[type[Harness]]:
    found: list[type[Harness]] = []
    for file in sorted(pathlib.Path(__file__).parent.glob("*_harness.py")):
        found += importlib.import_module(f".{file.stem}", __package__).HARNESSES
    return found


why_unavailable = functools.cache(lambda cls: cls.unavailable())


@pytest.fixture(params=harness_classes(), ids=lambda cls: cls.name)
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The engine. A test that leaves something on it fails."""
    for mark in request.node.iter_markers("needs"):
        if reason := request.param.cannot.get(mark.args[0]):
            pytest.skip(f"{request.param.name}: {mark.args[0]}: {reason}")
    if reason := why_unavailable(request.param):
        pytest.skip(f"{request.param.name}: {reason}")
    harness: Harness = request.param()
    yield harness
    assert harness.leftovers() == []


@pytest.fixture
def launcher(harness: Harness) -> Iterator[Launcher]:
    """A launcher with a short grace, for runs that ignore SIGTERM."""
    with harness.launcher(grace=1) as launcher:
        yield launcher


@pytest.fixture
def start(launcher: Launcher) -> Iterator[Start]:
    """Starts runs, which are stopped and removed after the test."""
    handles: list[Handle] = []

    def start(run: Run) -> Handle:
        handles.append(launcher.start(run))
        return handles[-1]

    yield start
    for handle in handles:
        launcher.stop(handle)
        launcher.remove(handle)
