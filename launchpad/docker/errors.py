"""Why the engine refused a container, and what to do about it. Pure: its words in, an error's message out."""

from __future__ import annotations

import re
from typing import Any

from ..core.backend import Spec
from ..errors import LaunchError

_ADVICE = [
    (
        r"executable file not found|no such file or directory.*: unknown",
        "check the program's name, and the image's PATH",
    ),
    (r"permission denied.*: unknown", "make the program executable (chmod +x) in the image"),
    (r"exec format error", "use an image for the engine's processor, or the option platform"),
    (r"port is already allocated|address already in use", "stop what uses the port, or publish another one"),
    (r"network .* not found|could not find.* network", "create the network (docker network create), or check its name"),
    (r"bind source path does not exist|invalid mount|mount path must be absolute|mounts? denied", "check volumes"),
    (
        r"not a directory: unknown|are you trying to mount a directory onto a file",
        "check volumes: a file and a folder meet",
    ),
    (r"unable to find user|no matching entries in passwd", "check user: the image must know it, or give its number"),
    (r"working directory .* is invalid", "give the run's working_dir as an absolute path"),
    (r"memory limit|cpus? ", "check mem_limit and cpus"),
    (
        r"unknown runtime|could not select device driver",
        "check the options: the engine does not have what they ask for",
    ),
    (r"no space left", "free some space on the engine's disk (docker system prune)"),
]


class ApiError(LaunchError):
    """The engine said no. Internal: who asked turns it into an error that says what it means for the run."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.words = message

    @property
    def is_missing_image(self) -> bool:
        return self.status == 404 and bool(re.search(r"no such image|image not known", self.words, re.IGNORECASE))

    @property
    def is_taken_name(self) -> bool:
        """Podman says 500 of it."""
        return self.status in (409, 500) and bool(re.search(r"name .* already in use", self.words, re.IGNORECASE))


def not_started(spec: Spec, refused: ApiError) -> LaunchError:
    """The error of a run whose container could not be made or started."""
    create: dict[str, Any] = spec["create"]
    words = refused.words.strip().rstrip(".")
    advice = next((do for pattern, do in _ADVICE if re.search(pattern, words, re.IGNORECASE | re.DOTALL)), None)
    if advice is _ADVICE[0][1] and "exec:" in words:
        words = f"the program {create['command'][0]!r} is not found in it ({words})"
    message = f"Container {create['name']!r} of image {create['image']!r} cannot be started: {words}."
    return LaunchError(f"{message} To do: {advice}." if advice else message)
