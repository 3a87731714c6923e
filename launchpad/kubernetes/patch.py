"""JSON patches (RFC 6902): checked when they are given, applied to a copy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

Operation = dict[str, Any]

_NEEDS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "from"),
    "copy": ("path", "from"),
    "test": ("path", "value"),
}


def checked(patch: object) -> list[Operation]:
    """`patch` as a list of operations; ValueError that names the one that is none."""
    if isinstance(patch, str | bytes | Mapping) or not isinstance(patch, Sequence):
        raise ValueError(f"a JSON patch is a list of operations, not {type(patch).__name__}")
    for position, operation in enumerate(patch):
        _check(position, operation)
    return [dict(operation) for operation in patch]


def _check(position: int, operation: object) -> None:
    if not isinstance(operation, Mapping):
        raise ValueError(f"operation {position} must be a mapping, not {type(operation).__name__}")
    needed = _NEEDS.get(operation.get("op", ""))
    if needed is None:
        raise ValueError(f"operation {position}: 'op' must be one of {', '.join(_NEEDS)}, not {operation.get('op')!r}")
    for key in needed:
        if key not in operation:
            raise ValueError(f"operation {position} ({operation['op']}) lacks {key!r}")
    for key in {"path", "from"} & set(operation):
        pointer = operation[key]
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise ValueError(
                f"operation {position} ({operation['op']}): {key!r} must be a JSON pointer such as '/spec/backoffLimit'"
            )


def applied(document: Any, patch: Sequence[Operation]) -> Any:
    """A copy of `document` with `patch` applied; ValueError that names the operation that does not fit it."""
    box = {"": copy.deepcopy(document)}  # the root is a member like any other
    for position, operation in enumerate(patch):
        try:
            _apply(box, copy.deepcopy(operation))
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"operation {position} ({operation['op']} {operation['path']}) does not fit the manifest: {error}"
            ) from None
    return box[""]


def _apply(box: dict[str, Any], operation: Operation) -> None:
    kind, path = operation["op"], operation["path"]
    if kind == "test":
        if not _equal(_get(box, path), operation["value"]):
            raise ValueError("the value there is another one")
    elif kind == "remove":
        _remove(box, path)
    elif kind == "replace":
        parent, key = _parent(box, path)
        parent[_existing(parent, key)] = operation["value"]
    elif kind == "add":
        _add(box, path, operation["value"])
    elif kind == "copy":
        _add(box, path, copy.deepcopy(_get(box, operation["from"])))
    elif path != operation["from"]:
        if path.startswith(operation["from"] + "/"):
            raise ValueError("a value cannot be moved into itself")
        _add(box, path, _remove(box, operation["from"]))


def _get(box: Any, path: str) -> Any:
    parent, key = _parent(box, path)
    return parent[_existing(parent, key)]


def _remove(box: Any, path: str) -> Any:
    parent, key = _parent(box, path)
    return parent.pop(_existing(parent, key))


def _add(box: Any, path: str, value: Any) -> None:
    parent, key = _parent(box, path)
    if isinstance(parent, list):
        parent.insert(len(parent) if key == "-" else _index(key, len(parent)), value)
    else:
        parent[key] = value


def _parent(box: Any, path: str) -> tuple[Any, str]:
    """The container that holds what `path` points to, and its key there."""
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/"))
    for key in way:
        box = box[_existing(box, key)]
    if not isinstance(box, dict | list):
        raise TypeError(f"{'/'.join(way) or '/'} is neither a mapping nor a list")
    return box, last


def _existing(parent: Any, key: str) -> Any:
    if isinstance(parent, list):
        return _index(key, len(parent) - 1)
    if not isinstance(parent, dict) or key not in parent:
        raise ValueError(f"there is no {key!r}")
    return key


def _index(key: str, last: int) -> int:
    if not key.isascii() or not key.isdigit() or (key != "0" and key.startswith("0")) or int(key) > last:
        raise ValueError(f"there is no position {key!r}")
    return int(key)


def _equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: True is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)
