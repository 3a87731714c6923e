"""Handles of containers that were changed or made up: nothing of others is waited for, stopped or removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from launchpad import DockerLauncher, Handle, Run, RunNotFound

from .conftest import LABEL, Launch, sh

pytestmark = pytest.mark.docker

Ask = Callable[[DockerLauncher, Handle], object]

ASKS: dict[str, Ask] = {
    "wait": lambda launcher, handle: launcher.wait(handle, 0),
    "stop": lambda launcher, handle: launcher.stop(handle),
    "remove": lambda launcher, handle: launcher.remove(handle),
}


@pytest.fixture
def handle(make: Launch) -> Handle:
    """The handle of a run that goes on."""
    return make(grace=0, stream_output=False).start(sh("sleep 60"))


def test_an_id_that_is_not_a_whole_one_is_an_error_of_one_line(make: Launch, handle: Handle) -> None:
    odd = ["", "..", "../volumes/precious", "a/b", handle.id[:12], handle.id.upper(), f"{handle.id}?v=1", "%2e%2e"]
    odd += [handle.id + "\n", f"{handle.id[:-1]}٣", "g" * 64, "a" * 65, "a" * 100_000, handle.name, f"-{handle.id[1:]}"]
    launcher = make()
    for id_ in odd:
        for ask in ASKS.values():
            with pytest.raises(RunNotFound, match="64 hexadecimal digits") as caught:
                ask(launcher, attrs.evolve(handle, id=id_))
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 500


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("run_id", ["", "x", "another\nline"])
def test_a_container_of_another_run_is_left_alone(make: Launch, handle: Handle, ask: Ask, run_id: str) -> None:
    with pytest.raises(RunNotFound, match="is not that of run"):
        ask(make(), attrs.evolve(handle, run_id=run_id))
    with pytest.raises(TimeoutError):
        make().wait(handle, 0)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
@pytest.mark.parametrize("labels", [{}, {"io.launchpad.run-id": ""}, {"io.launchpad.run-id": "foreign"}])
def test_a_container_of_others_is_left_alone(
    make: Launch, mark: str, engine: Any, handle: Handle, ask: Ask, labels: dict[str, str]
) -> None:
    foreign = engine.create_container("busybox:1", ["sleep", "60"], labels={**labels, LABEL: mark})["Id"]
    engine.start(foreign)
    with pytest.raises(RunNotFound, match="is not that of run"):
        ask(make(), attrs.evolve(handle, id=foreign))
    assert engine.inspect_container(foreign)["State"]["Running"]


def test_a_run_of_another_launcher_is_stopped_and_removed_by_its_handle(make: Launch, handle: Handle) -> None:
    other = make(grace=0, stream_output=False)
    other.stop(Handle(**attrs.asdict(handle)))
    other.remove(handle)
    other.remove(handle)
    with pytest.raises(RunNotFound, match="gone"):
        make().wait(handle)


def test_a_run_with_an_odd_id_is_found_by_its_handle(make: Launch) -> None:
    launcher = make(grace=0, stream_output=False)
    handle = launcher.start(Run(command=["sleep", "60"], id="größe / ../x\t%"))
    make(grace=0).stop(handle)
    make().remove(handle)
