"""Containers of the Docker Engine that DOCKER_HOST names."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from launchpad import DockerLauncher, Handle, Launcher
from tests.docker.proxy import Proxy
from tests.helping import eventually

from .harness import MARK, Harness

IMAGE = "busybox:1"


PYTHON_IMAGE = os.environ.get("LAUNCHPAD_TEST_IMAGE", "python:3.11")

END_TIMEOUT = 60.0
"""Seconds within which a container that is being removed must be gone."""


@contextmanager
def _client() -> Iterator[Any]:
    """docker-py's plain client."""
    import docker

    client = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto")
    try:
        yield client
    finally:
        client.close()


class DockerHarness(Harness):
    name = "docker"
    many = 24
    cannot: ClassVar[Mapping[str, str]] = {"evict": "nothing evicts a container"}
    start_takes = 0.4

    @classmethod
    def unavailable(cls) -> str:
        return ""  # pytest_runtest_setup asks the engine, by the mark of these tests

    def launcher(self, **settings: Any) -> Launcher:
        return DockerLauncher(**{"image": IMAGE, "auto_remove": True, "network_mode": "none", **settings})

    def leftovers(self) -> list[str]:
        with _client() as client:
            left = eventually(lambda: self._containers(client), lambda left: not left, END_TIMEOUT, interval=0.05)
            for container in left:
                client.remove_container(container["Id"], force=True)
            return [f"{container['Names']} {container['Status']}" for container in left]

    def running(self) -> list[str]:
        with _client() as client:
            return [str(one["Names"]) for one in self._containers(client) if one["State"] == "running"]

    @contextmanager
    def breakable_events(self) -> Iterator[Callable[[], None]]:
        engine = os.environ["DOCKER_HOST"]
        with tempfile.TemporaryDirectory() as folder:
            proxy = Proxy(Path(folder) / "docker.sock", engine.removeprefix("unix://"))
            os.environ["DOCKER_HOST"] = proxy.url
            try:
                yield lambda: proxy.break_off("/events")
            finally:
                os.environ["DOCKER_HOST"] = engine
                proxy.down()

    def kill(self, handle: Handle) -> None:
        with _client() as client:
            client.kill(handle.id)

    def remove(self, handle: Handle) -> None:
        with _client() as client:
            client.remove_container(handle.id, force=True)

    def small_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(mem_limit="16m", options={"memswap_limit": "16m"}, **settings)

    def python_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(image=PYTHON_IMAGE, **settings)

    def previewed(self, text: str) -> Any:
        create = json.loads(text)["create"]
        return {key: create[key] for key in ("image", "command", "environment", "labels", "working_dir")}

    def sent(self, handle: Handle) -> Any:
        with _client() as client:
            config = client.inspect_container(handle.id)["Config"]
        return {
            "image": config["Image"].removeprefix("docker.io/library/"),  # Podman reports the whole name
            "command": config["Cmd"],
            "environment": dict(item.split("=", 1) for item in config["Env"]),
            "labels": config["Labels"],
            "working_dir": config["WorkingDir"],
        }

    def _containers(self, client: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.containers(all=True, filters={"label": f"{MARK}={self.mark}"})
        return found


HARNESSES = [DockerHarness]
