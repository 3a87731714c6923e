"""Starts a run under the first of its names that is free on the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from ..errors import NameConflict

T = TypeVar("T")


def with_first_free_name(names: Iterator[str], start: Callable[[str], T]) -> T:
    """Calls `start` with one of `names` after the other while it raises NameConflict. NameConflict if all are taken."""
    try:
        return start(next(names))
    except NameConflict:
        if not (others := list(names)):
            raise
        from .retries import with_free_name  # tenacity takes 40 ms to import: when a name is taken

        return with_free_name(others, start)
