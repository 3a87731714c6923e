"""What the API server's refusals mean to us: errors that pass, and errors that say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..core.retries import Transient
from ..errors import LaunchError

_RIGHT = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?:.* in the namespace "(?P<namespace>[^"]+)")?'
)


class ApiError(LaunchError):
    """The API server has answered, and will not do it. `status` is the HTTP status, `reason` the server's word."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> ApiError | Transient:
    """What to raise for an answer that is not a yes. `headers` by their names in lowercase."""
    reason, message = _said(body)
    if status == 429 or status >= 500:
        return Transient(f"the API server answered {status}: {message}", _retry_after(headers))
    return ApiError(_explained(status, message), status, reason)


def _said(body: bytes) -> tuple[str, str]:
    try:
        answer = json.loads(body)
        return str(answer.get("reason") or ""), str(answer.get("message") or "")
    except (ValueError, AttributeError):
        return "", body.decode("utf-8", "replace").strip()[:1000]


def _explained(status: int, message: str) -> str:
    if status == 401:
        return "The API server does not accept the credentials (401): log in to the cluster again."
    if status == 403 and (right := _RIGHT.search(message)):
        where = f" in namespace {right['namespace']!r}" if right["namespace"] else ""
        return (
            f"Not allowed to {right['verb']} {right['resource']}{where}: give this user a Role with that right. "
            f"The API server says: {message}"
        )
    return f"The API server refused it ({status}): {message}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    seconds = headers.get("retry-after", "")
    return float(seconds) if seconds.isdigit() else None
