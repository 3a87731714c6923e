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
    """Class decorator: makes a launcher known by its `type`. ValueError if it has none, or if it is another's.

    The same class may come again, as when a module is reloaded or a notebook's cell is run twice: the later one counts.
    """
    name = getattr(cls, "type", "")
    if not isinstance(name, str) or not name:
        raise ValueError(f"{_named(cls)} needs a name: type: ClassVar[str] = ...")
    with _lock:
        if (owner := _other_owner(name, cls)) is not None:
            raise ValueError(f"launcher type {name!r} is already that of {owner}: give {_named(cls)} another")
        _classes[name] = cls
    return cls


def _other_owner(name: str, cls: type[Launcher]) -> str | None:
    """Whose the type is, if it is not the class's own."""
    ours = _OURS.get(name)
    if ours is not None and not _named(cls).startswith(f"{ours}."):
        return ours
    known = _classes.get(name)
    return None if known is None or _named(known) == _named(cls) else _named(known)


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
            return _load(point)
    raise ValueError(f"unknown launcher type {name!r}; known are: {', '.join(known_launchers())}")


def _load(point: EntryPoint) -> type[Launcher]:
    try:
        cls: type[Launcher] = point.load()
        if getattr(cls, "type", None) != point.name:
            raise ValueError(f"the launcher's type is {getattr(cls, 'type', None)!r}")
        return register_launcher(cls)
    except Exception as error:  # anything may happen when a stranger's module is imported
        raise ValueError(
            f"launcher type {point.name!r} is offered by {point.value!r}, which cannot be used: "
            f"{type(error).__name__}: {error}"
        ) from error


def _named(cls: object) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', cls)}"


def _entry_points() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # takes 40 ms to import: when a type is not registered

    return list(entry_points(group=ENTRY_POINTS))
