"""Checks whether containers can be launched."""

from __future__ import annotations

import os
from contextlib import closing

from ..health import Health
from .launcher import DockerLauncher


def check(launcher: DockerLauncher) -> Health:
    """Connects to the engine that `launcher` would use; pulls and launches nothing."""
    with closing(launcher.connect()) as backend:
        engine = backend.api
        name = "Podman" if engine.is_podman else "Docker Engine"
        old = "" if engine.has_gateway else "Containers cannot reach this machine by host.docker.internal: update it."
        settings = [name for name in ("DOCKER_HOST", "DOCKER_CONTEXT") if os.environ.get(name)]
        chosen = f" (by {settings[0]})" if settings else ""
        return Health(
            usable=True, version=f"{name} {engine.version}", detail=f"{engine.address.shown}{chosen}", advice=old
        )
