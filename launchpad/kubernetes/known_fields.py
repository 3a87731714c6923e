"""Misspelt fields of a Job, for servers that drop them silently. Servers from 1.25 on refuse them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from ..errors import LaunchError
from ..suggestions import did_you_mean
from . import config
from .errors import ApiError
from .shapes import Steps, path

STRICT_SINCE = (1, 25)
"""The first version of Kubernetes that checks the fields of an object on request."""

_LIST = re.compile(r"list\[(.+)\]", re.IGNORECASE)
_VALUES = re.compile(r"dict[\[(]str, ?(.+)[\])]", re.IGNORECASE)


class _Server(Protocol):
    def version(self) -> tuple[int, int]: ...


def check_fields(server: _Server, manifest: Mapping[str, Any]) -> None:
    """LaunchError if the manifest has fields that the server would drop. Transient, ApiError."""
    try:
        version = server.version()
    except ApiError:  # not permitted: the server may check the fields
        return
    if version >= STRICT_SINCE:
        return
    found = [_described(*one) for one in unknown_fields(manifest)]
    if found:
        raise LaunchError(
            f"The Job has fields that Kubernetes does not know, and this server ({version[0]}.{version[1]}) would drop "
            f"them silently: {', '.join(found)}. Correct or remove them."
        )


def unknown_fields(
    value: Any, model: str = "V1Job", steps: Steps = (), find: Callable[[str], Any] = config.model
) -> Iterator[tuple[Steps, list[str]]]:
    """The steps to each field that the package `kubernetes` does not know, and the fields that are known there."""
    if (inner := _LIST.fullmatch(model)) and isinstance(value, list):
        for position, item in enumerate(value):
            yield from unknown_fields(item, inner[1], (*steps, position), find)
    elif (inner := _VALUES.fullmatch(model)) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_fields(item, inner[1], (*steps, key), find)
    elif isinstance(value, Mapping) and hasattr(found := find(model), "openapi_types"):
        types = {found.attribute_map[name]: kind for name, kind in found.openapi_types.items()}
        for key, item in value.items():
            if key in types:
                yield from unknown_fields(item, types[key], (*steps, key), find)
            else:
                yield (*steps, key), list(types)


def _described(steps: Steps, known: list[str]) -> str:
    return path(steps) + did_you_mean(steps[-1], known)
