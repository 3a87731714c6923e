"""Volumes as `source:target[:ro|rw]`: checked when a launcher is created, made absolute at a launch."""

from __future__ import annotations

import os
import re

_DRIVE = r"[A-Za-z]:[\\/]"
_VOLUME = re.compile(
    rf"(?P<source>{_DRIVE}[^:]*|[^:]+):(?P<target>/[^:]*|{_DRIVE}[^:]*)(?::(?P<mode>ro|rw))?\Z",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+\Z")
_PATH = re.compile(rf"/|~|{_DRIVE}|\.\.?(?:[\\/]|\Z)")


def checked(volume: str) -> str:
    """`volume` unchanged. ValueError if it is not a volume."""
    match = _VOLUME.match(volume)
    if match and (_PATH.match(match["source"]) or _NAME.match(match["source"])):
        return volume
    raise ValueError(
        f"Invalid volume specification {volume!r}: it must be source:target or source:target:ro (or :rw), the source "
        "an absolute path, ./…, ../…, ~… or the name of a volume, the target an absolute path"
    )


def resolved(volume: str) -> str:
    """`volume` with a source that the engine accepts: `~` and relative paths are made absolute."""
    match = _VOLUME.match(volume)
    assert match is not None  # `checked` accepted it
    source = match["source"]
    if source.startswith(("~", ".")):
        source = os.path.abspath(os.path.expanduser(source))
    return f"{source}:{match['target']}:{match['mode'] or 'rw'}"
