"""A converter for each field of a DockerLauncher: ValueError for invalid values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from ..converters import Flag, Texts, choice, flag, whole_number
from ..models import ImagePullPolicy
from . import references
from .volumes import checked as checked_volume

_SIZE = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)([bkmgt]?)b?\Z", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LARGEST = 2**62
"""Bytes that the engine's 64-bit numbers can express, with a reserve for what it adds to them."""

_CPUS = (0.01, 2.0**20)
"""The fewest and the most processors: the engine accepts no fewer, and its 64-bit numbers have an end."""


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
    if value is None:
        return value
    if not isinstance(value, str):
        return whole_number(value, "mem_limit", least=1, most=_LARGEST)
    match = _SIZE.match(value)
    if not match or not 0 < float(match[1]) * _UNITS[match[2].lower()] <= _LARGEST:
        raise ValueError("mem_limit must be a number of bytes above 0, or text such as '512m' or '2g'")
    return value


def cpus(value: float | None) -> float | None:
    if value is None:
        return None
    least, most = _CPUS
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"cpus must be a number from {least} to {most:.0f}, such as 0.5")
    return float(value)


def user(value: str | int | None) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(whole_number(value, "user", most=2**32 - 1))
    return _text(value, "user")


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
