"""Volumes as `source:target[:options]` or `target`: checked when a launcher is created, made absolute at a launch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

_DRIVE = r"[A-Za-z]:[\\/]"
_VOLUME = re.compile(
    rf"(?P<source>{_DRIVE}[^:]*|[^:]+):(?P<target>/[^:]*|{_DRIVE}[^:]*)(?::(?P<options>[^:]*))?\Z",
)
_ANONYMOUS = re.compile(r"/[^:]+\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+\Z")
_PATH = re.compile(rf"/|~|{_DRIVE}|\.\.?(?:[\\/]|\Z)")
_OPTIONS = (
    ("ro", "rw"),
    ("z", "Z"),
    ("cached", "delegated", "consistent"),
    ("nocopy",),
    ("shared", "rshared", "slave", "rslave", "private", "rprivate"),
)
"""The engine accepts one option of each group."""

_FORMS = (
    "it must be source:target[:options], the source an absolute path, ./…, ../…, ~… or the name of a volume, the "
    "target an absolute path; or such a target alone, for a volume without a name"
)


def checked(volume: str) -> str:
    """`volume` unchanged. ValueError if it is not a volume."""
    if _is_anonymous(volume):
        return volume
    match = _VOLUME.match(volume)
    if not match or not (_PATH.match(match["source"]) or _NAME.match(match["source"])):
        raise ValueError(_invalid(volume, _FORMS))
    if match["options"] is not None:
        _check_options(volume, match["options"].split(","))
    return volume


def anonymous(volumes: Iterable[str]) -> list[str]:
    """The targets of the volumes that have no source."""
    return [volume for volume in volumes if _is_anonymous(volume)]


def binds(volumes: Iterable[str]) -> list[str]:
    """The volumes that have a source, in the engine's form: `~` and relative paths are made absolute."""
    return [_resolved(volume) for volume in volumes if not _is_anonymous(volume)]


def absolute(volumes: Iterable[str], folder: str) -> list[str]:
    """The volumes with absolute sources; relative ones are relative to `folder`."""
    return [_absolute(volume, folder) for volume in volumes]


def _absolute(volume: str, folder: str) -> str:
    source, colon, rest = volume.partition(":")
    if _is_anonymous(volume) or not source.startswith("."):
        return volume
    return f"{os.path.normpath(os.path.join(folder, source))}{colon}{rest}"


def _is_anonymous(volume: str) -> bool:
    return _ANONYMOUS.match(volume) is not None


def _resolved(volume: str) -> str:
    match = _VOLUME.match(volume)
    assert match is not None  # `checked` accepted it
    source = match["source"]
    if source.startswith(("~", ".")):
        source = os.path.abspath(os.path.expanduser(source))
    return f"{source}:{match['target']}:{match['options'] or 'rw'}"


def _check_options(volume: str, given: list[str]) -> None:
    known = [option for group in _OPTIONS for option in group]
    for option in given:
        if option not in known:
            raise ValueError(_invalid(volume, f"{option!r} is not an option of a volume; known: {', '.join(known)}"))
    for group in _OPTIONS:
        if len(both := [option for option in given if option in group]) > 1:
            raise ValueError(_invalid(volume, f"{' and '.join(both)} exclude each other"))


def _invalid(volume: str, why: str) -> str:
    return f"Invalid volume specification {volume!r} in volumes: {why}"
