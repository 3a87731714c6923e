"""Classes by the name in their attribute `type`: known ones, registered ones, and those that other packages offer."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from .limits import shown
from .suggestions import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """The subclasses of one base class, by their type. Thread-safe.

    `kind` names the base class in messages. `group` is the entry-point group by which packages offer classes of their
    own. `own` maps our types to the modules that register them, which are imported on the first lookup.
    """

    def __init__(self, kind: str, group: str, own: Mapping[str, str]) -> None:
        self._kind = kind
        self._group = group
        self._own = own
        self._lock = threading.Lock()  # guards _classes
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[T]) -> None:
        """Makes `cls` known by its type. ValueError if it has no type, or that of another class.

        A class of the same module and name replaces the earlier one: a module may be reloaded, a cell run twice.
        """
        name = getattr(cls, "type", "")
        if not isinstance(name, str) or not name:
            raise ValueError(f"{_full_name(cls)} needs a name: type: ClassVar[str] = ...")
        with self._lock:
            if (owner := self._other_owner(name, cls)) is not None:
                raise ValueError(
                    f"{self._kind} type {name!r} is already that of {owner}: give {_full_name(cls)} another"
                )
            self._classes[name] = cls

    def lookup(self, name: str) -> type[T]:
        """The class of a type. ValueError that lists the known types."""
        if not isinstance(name, str):
            raise self._unknown(name)
        if name in self._own:
            importlib.import_module(self._own[name])
        with self._lock:
            known = self._classes.get(name)
        return known or self._from_entry_point(name)

    def names(self) -> list[str]:
        """All types, sorted, including those of packages that are not imported yet."""
        with self._lock:
            registered = set(self._classes)
        return sorted(registered | set(self._own) | {point.name for point in self._entry_points()})

    def _other_owner(self, name: str, cls: type[T]) -> str | None:
        """The module or class that `name` belongs to, None if `cls` may have it."""
        own_module = self._own.get(name)
        if own_module is not None and not _full_name(cls).startswith(f"{own_module}."):
            return own_module
        known = self._classes.get(name)
        return None if known is None or _full_name(known) == _full_name(cls) else _full_name(known)

    def _from_entry_point(self, name: str) -> type[T]:
        for point in self._entry_points():
            if point.name == name:
                return self._load(point)
        raise self._unknown(name)

    def _unknown(self, name: object) -> ValueError:
        known = self.names()
        near = did_you_mean(name, known)
        return ValueError(f"unknown {self._kind} type {shown(name)}; known are: {', '.join(known)}{near}")

    def _load(self, point: EntryPoint) -> type[T]:
        try:
            cls: type[T] = point.load()
            if getattr(cls, "type", None) != point.name:
                raise ValueError(f"the {self._kind}'s type is {getattr(cls, 'type', None)!r}")
            self.register(cls)
        except Exception as error:  # importing another package's module may raise anything
            raise ValueError(
                f"{self._kind} type {point.name!r} is offered by {point.value!r}, which cannot be used: "
                f"{type(error).__name__}: {error}"
            ) from error
        return cls

    def _entry_points(self) -> list[EntryPoint]:
        from importlib.metadata import entry_points  # takes 40 ms to import, and is rarely needed

        return list(entry_points(group=self._group))


def _full_name(cls: object) -> str:
    return f"{getattr(cls, '__module__', '')}.{getattr(cls, '__qualname__', cls)}"
