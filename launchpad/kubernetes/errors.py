"""Translates error responses of the API server: transient faults, and errors that say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core.retries import Transient
from ..errors import EngineUnavailable, LaunchError
from ..net.limits import NOT_UNDERSTOOD

_FORBIDDEN = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?:.* in the namespace "(?P<namespace>[^"]+)")?'
)

_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_REQUEST = re.compile(
    r"((, but found|: unexpected character:) .)?, error found in #\d+ byte of .*|\(\{.*\}?\)\Z", re.DOTALL
)
"""Where an API server quotes the request: what follows is a part of it, whatever that is."""

_INVALID = re.compile(
    r'((?:Invalid|Unsupported|Duplicate) value): (?:"(?:[^"\\]|\\.)*"|[\w.\[\]]*\{.*\}(?=: |\Z))', re.DOTALL
)
"""Where an API server quotes a value that it does not accept."""

_KEPT = r"\1"

_LONGEST = 1000
_SHORTEST_SECRET = 4


class ApiError(LaunchError):
    """The API server refused a request. `status` is the HTTP status, `reason` the server's word for it."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    def __reduce__(self) -> tuple[type[ApiError], tuple[str, int, str]]:
        return (type(self), (str(self), self.status, self.reason))


def error_of(status: int, headers: Mapping[str, str], body: bytes, sent: object = None) -> ApiError | Transient:
    """The exception for an error response. `headers` are by lowercase name.

    Its message has no part of the request `sent`, which the server may quote, with values of the environment.
    """
    reason, message = _reason_and_message(body)
    message = masked(message, list(_environment(sent)))
    if status == 429 or status >= 500 or (status == 404 and not reason):  # 404: of a proxy, or of a server that starts
        return Transient(f"the API server answered {status}: {message}", _retry_after(headers))
    return ApiError(_explain(status, message), status, reason)


def masked(text: str, secrets: object) -> str:
    """`text` in one line, with all texts that `secrets`, a structure of mappings and lists, has masked."""
    for secret in sorted(set(_texts(secrets)), key=len, reverse=True):
        for form in (secret, json.dumps(secret)[1:-1]):
            if len(form) >= _SHORTEST_SECRET:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _environment(sent: object) -> Iterator[object]:
    """The values of all variables in a manifest."""
    if isinstance(sent, Mapping):
        for key, value in sent.items():
            if key == "env" and isinstance(value, list):
                yield from (entry.get("value") for entry in value if isinstance(entry, Mapping))
            else:
                yield from _environment(value)
    elif isinstance(sent, list):
        for item in sent:
            yield from _environment(item)


def _reason_and_message(body: bytes) -> tuple[str, str]:
    try:
        content = json.loads(body)
        return str(content.get("reason") or ""), _without_quotations(content)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return "", body.decode("utf-8", "replace")


def _without_quotations(content: Mapping[str, Any]) -> str:
    """The message of a Status without the parts of the request that the server quotes."""
    message = _REQUEST.sub("", str(content.get("message") or ""))
    causes = (content.get("details") or {}).get("causes") or []
    if content.get("reason") == "Invalid" and causes:
        subject, _, _ = message.partition(" is invalid: ")
        faults = (f"{one.get('field')}: {_INVALID.sub(_KEPT, str(one.get('message')))}" for one in causes)
        return f"{subject} is invalid: " + ", ".join(faults)
    return _INVALID.sub(_KEPT, message)


def _explain(status: int, message: str) -> str:
    if status == 401:
        return "The API server does not accept the credentials (401): log in to the cluster again."
    if status == 400 and (fields := _UNKNOWN_FIELD.findall(message)):
        return f"The cluster does not know these fields of the Job: {', '.join(fields)}. Correct or remove them."
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


def not_understood(server: str, why: str = "") -> EngineUnavailable:
    """The error of a server whose responses have another form than an API server's."""
    return EngineUnavailable(f"{server} does not answer as an API server does{why}: check its address and the proxy.")


@contextmanager
def understood(server: str) -> Iterator[None]:
    """EngineUnavailable if the block finds that a response has another form than an API server's."""
    try:
        yield
    except NOT_UNDERSTOOD as error:
        raise not_understood(server) from error
