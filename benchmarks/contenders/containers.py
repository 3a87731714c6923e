"""Containers of a Docker Engine: created, started, waited for, their output read, and removed by every contender."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from launchpad import DockerLauncher

from . import Command, Launch, feed, in_threads, launchpads

IMAGE = "busybox:1"
LABEL, MARK = "io.launchpad.benchmark", str(os.getpid())
"""The label of this measurement's containers."""


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return launchpads.launchpad(launcher(auto_remove=True), workers, streamed=True)


def launchpad_kept(workers: int) -> AbstractContextManager[Launch]:
    """Does not remove the containers."""
    return launchpads.launchpad(launcher(stream_output=False), workers)


def launcher(**settings: Any) -> DockerLauncher:
    return DockerLauncher(image=IMAGE, network_mode="none", labels={LABEL: MARK}, **settings)


def connect(workers: int) -> Any:
    """docker-py's low-level client, with a connection for each worker."""
    import docker

    return docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", max_pool_size=workers + 2)


def create(client: Any, command: Command) -> str:
    host = client.create_host_config(network_mode="none")
    created = client.create_container(IMAGE, list(command), host_config=host, labels={LABEL: MARK})
    return str(created["Id"])


@contextmanager
def low_level(workers: int, *, keep: bool = False) -> Iterator[Launch]:
    def run(command: Command) -> int:
        container = create(client, command)
        client.start(container)
        status: int = client.wait(container)["StatusCode"]
        if not keep:
            assert client.logs(container)
            client.remove_container(container, v=True)
        return status

    client = connect(workers)
    with in_threads(workers, run) as launch:
        yield launch
    client.close()


low_level_kept = partial(low_level, keep=True)


@contextmanager
def high_level(workers: int) -> Iterator[Launch]:
    import docker

    def run(command: Command) -> int:
        assert client.containers.run(IMAGE, list(command), remove=True, network_mode="none", labels={LABEL: MARK})
        return 0  # a container that fails raises

    client = docker.from_env(max_pool_size=workers + 2)
    with in_threads(workers, run) as launch:
        yield launch
    client.close()


@contextmanager
def docker_run(workers: int) -> Iterator[Launch]:
    docker = ["docker", "run", "--rm", "--network", "none", "--label", f"{LABEL}={MARK}", IMAGE]
    yield lambda commands: feed(["xargs", "-P", str(workers), "-L", "1", *docker], commands)


@contextmanager
def python_on_whales(workers: int) -> Iterator[Launch]:
    from python_on_whales import docker

    def run(command: Command) -> int:
        assert docker.run(IMAGE, list(command), remove=True, networks=["none"], labels={LABEL: MARK})
        return 0  # a container that fails raises

    with in_threads(workers, run) as launch:
        yield launch


def clear() -> None:
    """Removes this measurement's containers that are left."""
    client = connect(1)
    for container in client.containers(all=True, filters={"label": f"{LABEL}={MARK}"}):
        client.remove_container(container["Id"], force=True, v=True)
    client.close()


CONTAINERS = {
    "docker-py, low level": low_level,
    "launchpad": launchpad,
    "docker-py, high level": high_level,
    "docker run by xargs": docker_run,
    "python-on-whales": python_on_whales,
}
