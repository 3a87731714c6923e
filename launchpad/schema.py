"""Which scalars of a file are text, by the types of the fields that they are for."""

from __future__ import annotations

import enum
import inspect
import os
import typing
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache
from types import NoneType, UnionType
from typing import Any

import attrs


class Scalar(enum.Enum):
    """How a scalar without quotes is read. The kind of a list or mapping is that of all scalars in it.

    Without a kind, it is read as in YAML, except for numbers that are read differently by different readers of YAML.
    """

    TEXT = enum.auto()
    """Text, exactly as it is written. Only `null`, `~` and nothing are no value."""

    QUOTED = enum.auto()
    """Text that needs quotes if YAML reads it as something else."""

    JSON = enum.auto()
    """A number, a boolean or null as JSON writes it, else text as it is written."""

    YAML = enum.auto()
    """As in YAML 1.1, with octal numbers such as 0644."""


TEXT, QUOTED, JSON, YAML = Scalar

ANY = "*"
"""The key of a schema for the keys that it does not name."""

KEY = "launchpad.schema"
"""The key of a schema in the metadata of an attrs field, for fields whose type does not determine it."""

DURATION = "launchpad.duration"
"""The key that is True in the metadata of an attrs field with a number of seconds."""

PATH = "launchpad.path"
"""The key, in the metadata of an attrs field with paths of this machine, of a function that makes them absolute.

It takes the field's value and the folder that relative paths are relative to.
"""

Schema = Scalar | Mapping[str, Any] | list[Any] | Callable[[Mapping[str, str]], Any] | None
"""A kind of scalars, a list with the schema of its items, or a mapping with the schema of each key.

A function makes the schema of a mapping from the texts in the mapping.
"""


def below(schema: Schema, step: str | int) -> Schema:
    """The schema of the part at `step` of a mapping or a list that is read by `schema`."""
    if isinstance(schema, Scalar):
        return schema
    if isinstance(step, int):
        return schema[0] if isinstance(schema, list) else schema
    return schema.get(step, schema.get(ANY)) if isinstance(schema, Mapping) else None


def has_text_keys(schema: Schema) -> bool:
    """Whether the keys of a mapping are text as they are written."""
    return schema in (TEXT, JSON) or (isinstance(schema, Mapping) and schema.get(ANY) is TEXT)


def json_or_text(written: str) -> Any:
    """`written` read as JSON if it is JSON, else as text. `True` and `False` are booleans too; NaN is text."""
    import json  # here to keep `import launchpad` quick

    try:
        return json.loads(written.lower() if written.lower() in ("true", "false") else written, parse_constant=str)
    except (ValueError, RecursionError):
        return written


@cache
def schema_of(cls: type) -> dict[str, Schema]:
    """The schema of the settings of an attrs class."""
    hints = _hints(cls)
    return {
        field.name: field.metadata.get(KEY, _schema(hints.get(field.name))) for field in attrs.fields(cls) if field.init
    }


def _hints(cls: type) -> dict[str, Any]:
    """The types of the fields, without those that are imported for type checkers alone."""
    try:
        return typing.get_type_hints(cls)
    except NameError:
        hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in inspect.get_annotations(base).items():
            alone = type("Alone", (), {"__annotations__": {name: annotation}, "__module__": base.__module__})
            with suppress(NameError):
                hints.update(typing.get_type_hints(alone))
    return hints


def _schema(hint: Any) -> Schema:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return _union([one for one in arguments if one is not NoneType])
    if origin is typing.Literal:
        return TEXT if all(isinstance(one, str) for one in arguments) else None
    cls = origin or hint
    if not isinstance(cls, type):
        return None
    if issubclass(cls, str | os.PathLike):
        return TEXT
    if issubclass(cls, Mapping):
        return {ANY: _schema(arguments[1])} if len(arguments) == 2 else None
    if issubclass(cls, Collection):
        return [_schema(arguments[0])] if arguments else None
    return schema_of(cls) if attrs.has(cls) else None


def _union(members: list[Any]) -> Schema:
    schemas = [_schema(one) for one in members]
    if all(one == schemas[0] for one in schemas):
        return schemas[0]
    return JSON if str in members and {int, float} & set(members) else None
