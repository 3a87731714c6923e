"""Error responses of the engine, and the errors that users get instead, with advice. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..core.backend import Spec
from ..core.retries import Transient
from ..errors import LaunchError

_TRANSIENT = (429, 502, 503, 504)  # statuses
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
    (r"duplicate mount point", "check volumes and the options mounts and tmpfs: each target may occur once"),
    (
        r"is not a shared or slave mount",
        "share the mount on the engine's machine (mount --make-rshared), or omit the option",
    ),
    (
        r"not a directory: unknown|are you trying to mount a directory onto a file",
        "check volumes: one mounts a directory onto a file, or a file onto a directory",
    ),
    (r"unable to find user|no matching entries in passwd", "check user: the image must know it, or use its number"),
    (r"working directory .* is invalid", "give the run's working_dir as an absolute path"),
    (r"cannot mkdir", "check working_dir: it is a file in the image"),
    (r"memory limit|cpus? ", "check mem_limit and cpus"),
    (r"unknown (or invalid )?runtime|could not select device driver", "check the options: the engine lacks one"),
    (r"no space left", "free some space on the engine's disk (docker system prune)"),
]


class ApiError(LaunchError):
    """An error response of the engine. Internal: its callers raise an error about the run instead."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    @property
    def is_missing_image(self) -> bool:
        return self.status == 404 and bool(re.search(r"no such image|image not known", self.message, re.IGNORECASE))

    @property
    def is_taken_name(self) -> bool:
        """Podman uses status 500."""
        return self.status in (409, 500) and bool(re.search(r"name .* already in use", self.message, re.IGNORECASE))


def error_of(status: int, message: str, retry_after: str | None) -> Transient | ApiError:
    """The error for an error response; `retry_after` is the header of that name."""
    if status in _TRANSIENT:
        return Transient(message, float(retry_after) if retry_after and retry_after.isdigit() else None)
    return ApiError(message, status)


def error_of_response(status: int, headers: Mapping[str, str], body: bytes) -> Transient | ApiError:
    return error_of(status, _message_of(body) or f"status {status}", headers.get("retry-after"))


def _message_of(body: bytes) -> str:
    """The `message` in the JSON of an error response, or its text if it is not such JSON."""
    text = body.decode("utf-8", "replace").strip()
    try:
        data: Any = json.loads(text)
        return str(data["message"])
    except (ValueError, KeyError, TypeError):
        return text


def not_started(spec: Spec, error: ApiError) -> LaunchError:
    """The error of a run whose container could not be created or started."""
    create: dict[str, Any] = spec["create"]
    message = error.message.strip().rstrip(".")
    advice = next((do for pattern, do in _ADVICE if re.search(pattern, message, re.IGNORECASE | re.DOTALL)), None)
    if advice is _ADVICE[0][1] and "exec:" in message:
        message = f"the program {create['command'][0]!r} is not found in it ({message})"
    whole = f"Container {create['name']!r} of image {create['image']!r} cannot be started: {message}."
    return LaunchError(f"{whole} To do: {advice}." if advice else whole)
