"""Limits of what launchpad accepts: the size and the depth of data, the length of what errors show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

MAX_DEPTH = 100
"""Lists and mappings that may be inside each other."""

VALUE_SIZE = 8
"""The size of a value beside its characters."""

MAX_DATA = 4 * 1024 * 1024
"""The size that the settings of a launcher may have, a Job's manifest included. Servers accept less."""

_LONGEST_SHOWN = 100
"""Characters of a value that an error shows."""


def shown(value: object) -> str:
    """The repr of a value for an error: text that is too long for a line is cut."""
    try:
        text = repr(value[: _LONGEST_SHOWN + 1] if isinstance(value, str) else value)
    except (ValueError, RecursionError):  # an int with too many digits, a value in itself
        text = type(value).__name__
    return text if len(text) <= _LONGEST_SHOWN + 2 else f"{text[:_LONGEST_SHOWN]}…"


def shown_plain(text: str) -> str:
    """Text without quotes for an error, if that is short and printable; else its repr, cut."""
    return text if len(text) <= _LONGEST_SHOWN and text.isprintable() else shown(text)


def check_size(value: object, what: str, most: int = MAX_DATA, advice: str = "") -> int:
    """The size of plain data: its characters, and `VALUE_SIZE` for each value. ValueError if that is above `most`.

    ValueError too if it is nested too deeply, or contains itself. A value that occurs several times counts each time,
    as aliases of YAML make much data of a short text; it is looked at once.
    """
    size, height = _measured(value, 0, {})
    if height > MAX_DEPTH:
        raise ValueError(f"{what}: nested more than {MAX_DEPTH} levels deep")
    if size > most:
        raise ValueError(f"{what}: too large, with everything written out that is there several times{advice}")
    return size


def _measured(value: object, depth: int, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """The size of a value, and how many levels it has; `known` has those of lists and mappings, by their ids."""
    if isinstance(value, str | bytes):
        return VALUE_SIZE + len(value), 0
    size, height, inner = VALUE_SIZE, 0, _inner(value)
    if inner is None or depth > MAX_DEPTH:
        return size, 0 if inner is None else 1
    if id(value) in known:
        return known[id(value)]
    for one in inner:
        part, levels = _measured(one, depth + 1, known)
        size += part
        height = max(height, levels)
    known[id(value)] = size, height + 1
    return size, height + 1


def _inner(value: object) -> list[Any] | None:
    """The keys and values of a mapping, the items of a list; None for other values."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    return list(value) if isinstance(value, Set) else None
