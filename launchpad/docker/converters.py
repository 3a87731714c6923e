"""A converter for each field of a DockerLauncher: ValueError for invalid values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from ..converters import Flag, Texts, choice, flag
from ..models import ImagePullPolicy
from . import references
from .volumes import checked as checked_volume

_SIZE = re.compile(r"\d+(?:\.\d+)?[bkmgt]?b?\Z", re.IGNORECASE)


def image(value: str | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"image must be text, not {type(value).__name__}")
    references.parse(value)
    return value


def pull_policy(value: str | None) -> ImagePullPolicy | None:
    return None if value is None else choice(ImagePullPolicy, value, "image_pull_policy")


def _texts(value: object, what: str) -> list[str]:
    if isinstance(value, Set):
        value = sorted(value, key=str)
    if isinstance(value, str | bytes) or not isinstance(value, list | tuple):
        raise ValueError(f"{what} must be a list of text, not {type(value).__name__}")
    for one in value:
        if not isinstance(one, str):
            raise ValueError(f"{what} must be a list of text, not of {type(one).__name__}")
    return list(value)


def _names(value: object, what: str) -> list[str]:
    names = _texts(value, what)
    if "" in names:
        raise ValueError(f"{what} must be a list of names, and none may be empty")
    return list(dict.fromkeys(names))


def networks(value: Texts) -> list[str]:
    return _names(value, "networks")


def volumes(value: Texts) -> list[str]:
    return [checked_volume(volume) for volume in _texts(value, "volumes")]


def forward_urls(value: Texts) -> tuple[str, ...]:
    return tuple(_names(value, "forward_urls"))


def _text(value: object, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise ValueError(f"{what} must be non-empty text, not {type(value).__name__}")


def network_mode(value: str | None) -> str | None:
    return _text(value, "network_mode")


def mem_limit(value: str | int | None) -> str | int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    if isinstance(value, str) and _SIZE.match(value) and value.lstrip("0.")[:1].isdigit():
        return value
    raise ValueError("mem_limit must be a number of bytes, or text such as '512m' or '2g'")


def cpus(value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ValueError("cpus must be a number above 0, such as 0.5")
    return float(value)


def user(value: str | int | None) -> str | None:
    number = isinstance(value, int) and not isinstance(value, bool)
    return _text(str(value) if number else value, "user")


def registry_auth(value: Mapping[str, str] | None) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"username", "password"}:
        raise ValueError("registry_auth must be a mapping of username and password, and nothing else")
    if not all(isinstance(one, str) and one for one in value.values()):
        raise ValueError("registry_auth: username and password must be non-empty text")
    return dict(value)


def auto_remove(value: Flag) -> bool:
    return flag(value, "auto_remove")
