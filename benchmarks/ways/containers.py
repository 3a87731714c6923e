"""Containers of a Docker Engine: each way creates, starts, waits for, reads the output of and removes every one."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from launchpad import DockerLauncher

from . import Command, Launch, check, ours

IMAGE = "busybox:1"
LABEL, MARK = "io.launchpad.benchmark", str(os.getpid())
"""What marks the containers of this measurement."""


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return ours.launchpad(launcher(auto_remove=True), workers, streamed=True)


def launchpad_kept(workers: int) -> AbstractContextManager[Launch]:
    """Leaves the containers."""
    return ours.launchpad(launcher(stream_output=False), workers)


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
    def one(command: Command) -> int:
        container = create(client, command)
        client.start(container)
        status: int = client.wait(container)["StatusCode"]
        if not keep:
            assert client.logs(container)
            client.remove_container(container, v=True)
        return status

    client = connect(workers)
    with ThreadPoolExecutor(workers) as executor:
        yield lambda commands: check(executor.map(one, commands))
    client.close()


def low_level_kept(workers: int) -> AbstractContextManager[Launch]:
    """Leaves the containers."""
    return low_level(workers, keep=True)


@contextmanager
def high_level(workers: int) -> Iterator[Launch]:
    import docker

    def one(command: Command) -> int:
        assert client.containers.run(IMAGE, list(command), remove=True, network_mode="none", labels={LABEL: MARK})
        return 0  # a container that fails is an exception

    client = docker.from_env(max_pool_size=workers + 2)
    with ThreadPoolExecutor(workers) as executor:
        yield lambda commands: check(executor.map(one, commands))
    client.close()


@contextmanager
def docker_run(workers: int) -> Iterator[Launch]:
    docker = ["docker", "run", "--rm", "--network", "none", "--label", f"{LABEL}={MARK}", IMAGE]

    def launch(commands: Sequence[Command]) -> None:
        lines = "".join(f"{shlex.join(command)}\n" for command in commands)
        subprocess.run(
            ["xargs", "-P", str(workers), "-L", "1", *docker],
            input=lines,
            text=True,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    yield launch


@contextmanager
def python_on_whales(workers: int) -> Iterator[Launch]:
    from python_on_whales import docker

    def one(command: Command) -> int:
        assert docker.run(IMAGE, list(command), remove=True, networks=["none"], labels={LABEL: MARK})
        return 0  # a container that fails is an exception

    with ThreadPoolExecutor(workers) as executor:
        yield lambda commands: check(executor.map(one, commands))


def clear() -> None:
    """Removes the containers of this measurement that are left."""
    client = connect(1)
    for container in client.containers(all=True, filters={"label": f"{LABEL}={MARK}"}):
        client.remove_container(container["Id"], force=True, v=True)
    client.close()
