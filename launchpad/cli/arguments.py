"""Arguments of the form `NAME=VALUE`: environment variables, parameters and settings of a launcher. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import attrs

from ..launcher import Launcher
from ..schema import DURATION, JSON, TEXT, Schema, below, has_text_keys, json_or_text, schema_of
from .durations import seconds


class BadValue(ValueError):
    """An invalid NAME=VALUE argument. The message never contains the value, which may be a secret."""


def pairs(arguments: Iterable[str], what: str) -> list[tuple[str, str]]:
    """The name and the value text of each argument."""
    split = [argument.partition("=") for argument in arguments]
    for position, (name, equals, _) in enumerate(split, start=1):
        if not equals or not name:
            raise BadValue(f"{what} takes NAME=VALUE: number {position} of them is not of that form")
    return [(name, value) for name, _, value in split]


def parse(text: str, schema: Schema = JSON) -> Any:
    """`text` read as JSON or as a YAML list or mapping (`[a, b]`), else `text` itself. `schema` says what is text.

    Unlike in YAML, `10:20` is not a number and `no` is not False, in a list or mapping too.
    """
    if text[:1] not in ("[", "{"):
        return text if schema is TEXT else json_or_text(text)
    from .. import yamlfile  # takes 30 ms to import: on first use

    try:
        return yamlfile.parse(text, schema, JSON)
    except yamlfile.NotYaml:
        raise BadValue("it is not a valid list or mapping: put text that starts with [ or { in quotes") from None
    except ValueError as error:
        raise BadValue(str(error)) from None


def texts(value: object) -> list[Any]:
    """The items of a setting that is a list; a setting of another kind as the only item, which the launcher refuses."""
    return [] if value is None else [*value] if isinstance(value, list) else [value]


def parameters(arguments: Iterable[str]) -> dict[str, Any]:
    """The parameters of an entrypoint."""
    words = [_decoded(word) for word in arguments]
    return {name: _parsed(text, f"--param {name}") for name, text in pairs(words, "--param")}


def _decoded(word: str) -> str:
    """A word of the command line: in UTF-8, if it has bytes that the locale's encoding lacks."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return os.fsencode(word).decode("utf-8", "surrogateescape")
    return word


def settings(arguments: Iterable[str], cls: type[Launcher]) -> dict[str, Any]:
    """Settings for a launcher of class `cls`; the dots in `resources.limits.cpu=1` are keys of nested mappings.

    A value is not parsed if its field's type is text. A duration may have a unit. The keys of a mapping to text, such
    as `env` and `labels`, may contain dots.
    """
    durations = {field.name for field in attrs.fields(cls) if field.metadata.get(DURATION)}
    result: dict[str, Any] = {}
    for name, text in pairs(arguments, "--set"):
        field, _, rest = name.partition(".")
        schema, path = below(schema_of(cls), field), [field]
        while rest:
            key, _, rest = (rest, "", "") if has_text_keys(schema) else rest.partition(".")
            schema, path = below(schema, key), [*path, key]
        if path == [name] and name in durations:
            _put(result, path, _seconds(text))
        else:
            _put(result, path, text if schema is TEXT else _parsed(text, f"--set {name}", schema))
    return result


def _parsed(text: str, what: str, schema: Schema = JSON) -> Any:
    try:
        return parse(text, schema)
    except BadValue as error:
        raise BadValue(f"{what}: {error}") from None


def _seconds(text: str) -> Any:
    try:
        return seconds(text)
    except ValueError:
        return json_or_text(text)  # null, or what the launcher refuses


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for depth, key in enumerate(path[:-1], start=1):
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise BadValue(
                f"--set {'.'.join(path)}: {'.'.join(path[:depth])} has a value already, which is not a mapping"
            )
    tree[path[-1]] = value
