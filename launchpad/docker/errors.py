"""Error responses of the engine, and the errors that users get instead, with advice. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..core.backend import Spec
from ..core.retries import Transient
from ..errors import LaunchError
from ..secret import without_frames
from . import words

_LONGEST = 2000
"""Characters of a message that are kept."""

TRANSIENT = (429, 502, 503, 504)
"""Statuses of faults that may pass."""


class ApiError(LaunchError):
    """An error response of the engine. Internal: its callers raise an error about the run instead."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    @property
    def is_missing_image(self) -> bool:
        """Whether the engine has no such image, or has it for other platforms only."""
        return self.status == 404 and (words.MISSING_IMAGE.match(self.message) or self.is_missing_platform)

    @property
    def is_missing_platform(self) -> bool:
        return words.MISSING_PLATFORM.match(self.message)

    @property
    def is_missing_container(self) -> bool:
        """Whether the container is gone. Podman uses status 500 if it is removed during the request."""
        return self.status == 404 or (self.status == 500 and words.BEING_REMOVED.match(self.message))

    @property
    def is_taken_name(self) -> bool:
        """Podman uses status 500."""
        return self.status in (409, 500) and words.TAKEN_NAME.match(self.message)

    @property
    def is_still_running(self) -> bool:
        """Whether a container is not removed because it runs. Podman uses status 500."""
        return self.status == 409 or (self.status == 500 and words.STILL_RUNNING.match(self.message))


def error_of(status: int, message: str, retry_after: str | None) -> Transient | ApiError:
    """The error for an error response; `retry_after` is the header of that name."""
    if status in TRANSIENT:
        return Transient(message, float(retry_after) if retry_after and retry_after.isdigit() else None)
    return ApiError(message, status)


def error_of_response(status: int, headers: Mapping[str, str], body: bytes) -> Transient | ApiError:
    return error_of(status, _message_of(body) or f"status {status}", headers.get("retry-after"))


def _message_of(body: bytes) -> str:
    """The `message` in the JSON of an error response, or its text if it is not such JSON."""
    text = body.decode("utf-8", "replace").strip()
    try:
        data: Any = json.loads(text)
        return str(data["message"])[:_LONGEST]
    except (ValueError, LookupError, TypeError, RecursionError):
        return text[:_LONGEST]


def not_started(spec: Spec, error: ApiError) -> LaunchError:
    """The error of a run whose container could not be created or started."""
    create: dict[str, Any] = spec["create"]
    message = error.message.strip().rstrip(".")
    advice = words.advice_on(message, words.REFUSED_STARTS)
    if words.MISSING_PROGRAM.match(message):
        message = f"the program {create['command'][0]!r} is not found in it ({message})"
    whole = f"Container {create['name']!r} of image {create['image']!r} cannot be started: {message}."
    return LaunchError(f"{whole} To do: {advice}." if advice else whole)


def root_of(error: BaseException) -> BaseException:
    """The first of a chain of errors: those of the HTTP client around it speak of pools and proxies."""
    while (cause := error.__cause__ or error.__context__) is not None and cause is not error:
        if isinstance(cause, LaunchError | Transient):  # that was being handled when the request was made
            break
        error = cause
    return error


def unreachable_advice(scheme: str, url: str, error: BaseException) -> str:
    """What to do if no engine answers at an address."""
    if isinstance(error, PermissionError):
        return "add your user to the group that owns the socket (docker), or use an engine of your own (rootless)"
    if scheme == "ssh":
        return f"check that 'docker --host {url} version' works without asking for a password"
    return "start it, or set DOCKER_HOST or DOCKER_CONTEXT to its address"


def forget_request(error: BaseException) -> None:
    """Takes the request, with the values in its body, off the errors of the HTTP client, and their frames."""
    link: BaseException | None = without_frames(error)
    while link is not None:
        for name in ("request", "response"):
            if hasattr(link, name):
                setattr(link, name, None)
        link = link.__cause__ or link.__context__
