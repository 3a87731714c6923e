"""Translates error responses of the API server: transient faults, and errors that say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..core.retries import Transient
from ..errors import LaunchError

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?:.* in the namespace "(?P<namespace>[^"]+)")?'
)


class ApiError(LaunchError):
    """The API server refused a request. `status` is the HTTP status, `reason` the server's word for it."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ApiError | Transient:
    """The exception for an error response. `headers` are by lowercase name."""
    reason, message = _reason_and_message(body)
    if status == 429 or status >= 500:
        return Transient(f"the API server answered {status}: {message}", _retry_after(headers))
    return ApiError(_explain(status, message), status, reason)


def _reason_and_message(body: bytes) -> tuple[str, str]:
    try:
        content = json.loads(body)
        return str(content.get("reason") or ""), str(content.get("message") or "")
    except (ValueError, AttributeError):
        return "", body.decode("utf-8", "replace").strip()[:1000]


def _explain(status: int, message: str) -> str:
    if status == 401:
        return "The API server does not accept the credentials (401): log in to the cluster again."
    if status == 403 and (found := _FORBIDDEN.search(message)):
        where = f" in namespace {found['namespace']!r}" if found["namespace"] else ""
        return (
            f"Not allowed to {found['verb']} {found['resource']}{where}: give this user a Role with that permission. "
            f"The API server says: {message}"
        )
    return f"The API server refused the request ({status}): {message}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isdigit() else None
