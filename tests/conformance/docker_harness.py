"""Containers of a Docker Engine: the one that DOCKER_HOST and the docker config name."""

from __future__ import annotations

import time
from typing import Any

from launchpad import DockerLauncher, Launcher

from .harness import MARK, Harness

IMAGE = "busybox:1"


class DockerHarness(Harness):
    name = "docker"
    many = 24
    start_takes = 0.4

    @classmethod
    def unavailable(cls) -> str:
        return ""  # the mark of these tests asks

    def launcher(self, **settings: Any) -> Launcher:
        return DockerLauncher(image=IMAGE, auto_remove=True, network_mode="none", **settings)

    def leftovers(self) -> list[str]:
        import docker

        client = docker.from_env()
        try:
            until = time.monotonic() + 5
            while (left := self._containers(client)) and time.monotonic() < until:
                time.sleep(0.05)
            for container in left:
                client.api.remove_container(container["Id"], force=True)
            return [f"{container['Names']} {container['Status']}" for container in left]
        finally:
            client.close()

    def _containers(self, client: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.api.containers(all=True, filters={"label": f"{MARK}={self.mark}"})
        return found


HARNESSES = [DockerHarness]
