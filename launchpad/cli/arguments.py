"""Arguments of the form `NAME=VALUE`: environment variables, parameters and settings of a launcher. Pure."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from ..launcher import Launcher

_BOOLEANS = {"true": True, "false": False}


class BadValue(ValueError):
    """An invalid NAME=VALUE argument. The message never contains the value, which may be a secret."""


def pairs(arguments: Iterable[str], what: str) -> list[tuple[str, str]]:
    """The name and the value text of each argument."""
    split = [argument.partition("=") for argument in arguments]
    for position, (name, equals, _) in enumerate(split, start=1):
        if not equals or not name:
            raise BadValue(f"{what} takes NAME=VALUE: number {position} of them is not of that form")
    return [(name, value) for name, _, value in split]


def parse(text: str) -> Any:
    """`text` read as JSON or as a YAML list or mapping (`[a, b]`), else `text` itself.

    Unlike in YAML, `10:20` is not a number and `no` is not False.
    """
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        pass
    if text[:1] in ("[", "{"):
        import yaml  # takes 30 ms to import: on first use

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            raise BadValue("it is not a valid list or mapping: put text that starts with [ or { in quotes") from None
    return text


def parameters(arguments: Iterable[str]) -> dict[str, Any]:
    """The parameters of an entrypoint."""
    return {name: _parsed(text, f"--param {name}") for name, text in pairs(arguments, "--param")}


def settings(arguments: Iterable[str], cls: type[Launcher]) -> dict[str, Any]:
    """Settings for a launcher of class `cls`; the dots in `resources.limits.cpu=1` are keys of nested mappings.

    A value is not parsed if its field's type is text or a mapping to text, such as `env` and `labels`. The keys of such
    a mapping may contain dots.
    """
    hints = _hints(cls)
    result: dict[str, Any] = {}
    for name, text in pairs(arguments, "--set"):
        field, dot, key = name.partition(".")
        hint = hints.get(field)
        value = text if _is_text(_value_hint(hint) if dot else hint) else _parsed(text, f"--set {name}")
        keys = [key] if dot and _value_hint(hint) is not None else key.split(".") if dot else []
        _put(result, [field, *keys], value)
    return result


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity stay text


def _parsed(text: str, what: str) -> Any:
    try:
        return parse(text)
    except BadValue as error:
        raise BadValue(f"{what}: {error}") from None


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for depth, key in enumerate(path[:-1], start=1):
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise BadValue(
                f"--set {'.'.join(path)}: {'.'.join(path[:depth])} has a value already, which is not a mapping"
            )
    tree[path[-1]] = value


def _hints(cls: type[Launcher]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError:  # annotations that are imported for type checkers alone
        return {}


def _is_text(hint: Any) -> bool:
    alternatives = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return str in alternatives and set(alternatives) <= {str, type(None)}


def _value_hint(hint: Any) -> Any:
    """The type of a mapping's values if it is text, else None."""
    arguments = typing.get_args(hint)
    is_mapping = typing.get_origin(hint) in (dict, Mapping) and len(arguments) == 2
    return arguments[1] if is_mapping and _is_text(arguments[1]) else None
