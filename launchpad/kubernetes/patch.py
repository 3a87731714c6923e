"""JSON patches (RFC 6902): checked when they are given, applied to a copy by the package jsonpatch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import EngineUnavailable
from ..limits import MAX_DATA, check_size, shown, shown_plain

Operation = dict[str, Any]

_REQUIRED_KEYS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "from"),
    "copy": ("path", "from"),
    "test": ("path", "value"),
}


def checked(patch: object) -> list[Operation]:
    """`patch` as a list of operations; ValueError that names the first invalid one."""
    if isinstance(patch, str | bytes | Mapping) or not isinstance(patch, Sequence):
        raise ValueError(f"a JSON patch is a list of operations, not {type(patch).__name__}")
    for position, operation in enumerate(patch):
        _check(position, operation)
    return [dict(operation) for operation in patch]


def _check(position: int, operation: object) -> None:
    if not isinstance(operation, Mapping):
        raise ValueError(f"operation {position} must be a mapping, not {type(operation).__name__}")
    op = operation.get("op")
    required = _REQUIRED_KEYS.get(op) if isinstance(op, str) else None
    if required is None:
        raise ValueError(f"operation {position}: 'op' must be one of {', '.join(_REQUIRED_KEYS)}, not {shown(op)}")
    for key in required:
        if key not in operation:
            raise ValueError(f"operation {position} ({operation['op']}) lacks {key!r}")
    for key in {"path", "from"} & set(operation):
        pointer = operation[key]
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            raise ValueError(
                f"operation {position} ({operation['op']}): {key!r} must be a JSON pointer such as '/spec/backoffLimit'"
            )


def applied(document: Any, patch: Sequence[Operation]) -> Any:
    """A copy of `document` with `patch` applied; ValueError that names the operation that does not fit it.

    The copy has no part in two places, as a document with aliases has: each is patched alone.
    """
    left = MAX_DATA - check_size(document, "the manifest")
    document = _copied(document)
    for position, operation in enumerate(patch):
        try:
            left -= check_size(_added(document, operation), "what it adds", left)
            document = _apply(document, _copied(operation))
        except RecursionError:
            raise ValueError(f"{title(position, operation)}: the result is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"{title(position, operation)} does not fit the manifest: {error}") from None
    check_size(document, "the patched manifest")
    return document


def _copied(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _added(document: Any, operation: Operation) -> object:
    """What an operation adds to the document: a value, or a copy of a part of the document."""
    if operation["op"] != "copy":
        return operation.get("value")
    from jsonpatch import JsonPointer, JsonPointerException

    try:
        return JsonPointer(operation["from"]).resolve(document, None)
    except (JsonPointerException, LookupError, TypeError):  # `_apply` reports it
        return None


def title(position: int, operation: Operation) -> str:
    """The name of an operation in errors."""
    return f"operation {position} ({operation['op']} {shown_plain(operation['path'])})"


def _apply(document: Any, operation: Operation) -> Any:
    """Applies one operation, in place where it can. ValueError without any value of the manifest in its message."""
    try:
        from jsonpatch import JsonPatchException, JsonPatchTestFailed, JsonPointerException, apply_patch
    except ImportError as error:
        raise EngineUnavailable(
            f"The package for JSON patches cannot be imported ({error}): pip install 'launchpad-runs[kubernetes]'"
        ) from error
    try:
        return apply_patch(document, [operation], in_place=True)
    except JsonPatchTestFailed:  # its message has both values
        raise ValueError("the value there is another one, or there is none") from None
    except (JsonPatchException, JsonPointerException) as error:
        if isinstance(error.__context__, LookupError):
            raise ValueError(f"there is no {shown(operation.get('from', operation['path']))}") from None
        reason, _, _ = str(error).partition(" in ")  # the rest is the document
        raise ValueError(reason) from None
