"""Launcher classes by the name of their type: ours, and those of other packages.

A package offers its own by the entry-point group `launchpad.launchers`, or registers them itself when it is imported.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .launcher import Launcher

ENTRY_POINTS = "launchpad.launchers"

Class = TypeVar("Class", bound="type[Launcher]")

_OURS = {
    "docker": "launchpad.docker",
    "kubernetes": "launchpad.kubernetes",
    "subprocess": "launchpad.subprocess",
    "universal": "launchpad.universal",
}
"""The modules that register our own launchers; imported when they are asked for."""

_lock = threading.Lock()
_classes: dict[str, type[Launcher]] = {}


def register_launcher(cls: Class) -> Class:
    """Class decorator: makes a launcher known by its `type`. ValueError if it has none, or if it is another's."""
    name = getattr(cls, "type", "")
    if not isinstance(name, str) or not name:
        raise ValueError(f"{cls.__name__} needs a name: type: ClassVar[str] = ...")
    with _lock:
        known = _classes.setdefault(name, cls)
        if known is not cls and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"launcher type {name!r} is already that of {known.__module__}.{known.__qualname__}")
        _classes[name] = cls
    return cls


def lookup_launcher(name: str) -> type[Launcher]:
    """The launcher class of a type. ValueError that lists the known ones."""
    if name in _OURS:
        importlib.import_module(_OURS[name])
    with _lock:
        known = _classes.get(name)
    return known or _from_entry_point(name)


def known_launchers() -> list[str]:
    """The names of all types, sorted; those that only an entry point tells of included."""
    with _lock:
        registered = set(_classes)
    return sorted(registered | set(_OURS) | {point.name for point in _entry_points()})


def _from_entry_point(name: str) -> type[Launcher]:
    for point in _entry_points():
        if point.name == name:
            cls: type[Launcher] = register_launcher(point.load())
            return cls
    raise ValueError(f"unknown launcher type {name!r}; known are: {', '.join(known_launchers())}")


def _entry_points() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # takes 40 ms to import: when a type is not registered

    return list(entry_points(group=ENTRY_POINTS))
