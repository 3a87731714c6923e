"""Fixtures of the tests on a Docker Engine: launchers whose containers carry a label, and a fault proxy."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker
import pytest

from launchpad import DockerLauncher, Run
from tests.helping import eventually

from .proxy import Proxy

IMAGE = "busybox:1"
LABEL = "launchpad-docker-test"

REMOVAL_TIMEOUT = 60.0
"""Seconds within which a container that is being removed must be gone."""

Launch = Callable[..., DockerLauncher]


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """docker-py's plain client of the engine."""
    client = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto", timeout=120)
    yield client
    client.close()


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def containers(engine: Any, mark: str) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Lists the containers of the test; they are removed afterwards."""

    def containers() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = engine.containers(all=True, filters={"label": f"{LABEL}={mark}"})
        return found

    yield containers
    for container in containers():
        with suppress(docker.errors.APIError):  # it has ended, or is gone
            engine.kill(container["Id"])  # Podman removes a running container only after ten seconds
        engine.remove_container(container["Id"], force=True)


@pytest.fixture
def make(mark: str, containers: object) -> Iterator[Launch]:
    """Makes launchers of quick containers; both are removed after the test."""
    made: list[DockerLauncher] = []

    def make(**settings: Any) -> DockerLauncher:
        labels = {LABEL: mark, **settings.pop("labels", {})}
        if "networks" not in settings:
            settings.setdefault("network_mode", "none")
        settings = {"image": IMAGE, "grace": 1.0, **settings}
        made.append(DockerLauncher(labels=labels, **settings))
        return made[-1]

    yield make
    for launcher in made:
        launcher.close()


@pytest.fixture
def launcher(make: Launch) -> DockerLauncher:
    """A launcher that removes its containers when they have ended."""
    return make(auto_remove=True)


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy between the engine and all launchers of the test."""
    proxy = Proxy(tmp_path / "docker.sock", os.environ["DOCKER_HOST"].removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_HOST", proxy.url)
    yield proxy
    proxy.down()


@pytest.fixture
def nothing_left(containers: Callable[[], list[Any]]) -> Iterator[None]:
    """Fails a test that leaves a container."""
    yield
    left = eventually(containers, lambda left: not left, REMOVAL_TIMEOUT, interval=0.05)
    assert [container["Status"] for container in left] == []


def sh(script: str, **fields: Any) -> Run:
    """A run of a shell script, whose name no other has: the engine is shared with other tests."""
    return Run(**{"command": ["sh", "-c", script], "name": f"sh-{uuid.uuid4().hex}", **fields})
