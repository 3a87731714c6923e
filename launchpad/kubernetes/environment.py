"""The variables of the run's container: values, and references to secrets and config maps. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import converters
from ..converters import Texts
from ..limits import shown
from ..secret import MASK, Secret, hidden
from ..suggestions import did_you_mean
from ..variables import RESERVED

Reference = dict[str, str]
"""`{"secret": NAME, "key": KEY}` or `{"configmap": NAME, "key": KEY}`."""

Environment = Mapping[str, str | Reference | None]

_KINDS = {"secret": "secret", "configmap": "configMap"}
"""The kinds of objects that have variables, and the beginnings of their keys in a manifest."""

_WRITE = 'write {"secret": NAME, "key": KEY} or {"configmap": NAME, "key": KEY}'
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}\Z")


def env(values: Mapping[str, str | float | Mapping[str, str] | None]) -> dict[str, str | Reference | None]:
    """A copy of an environment as every launcher takes it, and with references as values."""
    if not isinstance(values, Mapping):
        return {**converters.env(values)}
    references = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    texts = converters.env({name: "" if name in references else value for name, value in values.items()})  # type: ignore[misc]
    return {**texts, **{name: _reference(value, f"env[{shown(name)}]") for name, value in references.items()}}


def _reference(value: Mapping[str, str], what: str) -> Reference:
    """A copy of a reference. ValueError, without what may be a value in the wrong place."""
    unknown = [key for key in value if key not in (*_KINDS, "key")]
    if unknown:
        hint = did_you_mean(unknown[0], [*_KINDS, "key"]) if isinstance(unknown[0], str) else ""
        raise ValueError(f"{what} has an unknown key{hint}: {_WRITE}")
    if len(value) != 2 or "key" not in value:
        raise ValueError(f"{what} must be a whole reference: {_WRITE}")
    rules = dict.fromkeys(_KINDS, (_NAME, "the name of an object: lowercase letters, digits, '-' and '.'"))
    rules["key"] = (_KEY, "a key of letters, digits, '-', '_' and '.'")
    for key, text in value.items():
        pattern, rule = rules[key]
        if not isinstance(text, str) or not pattern.match(text):
            raise ValueError(f"{what}[{key!r}] must be {rule}")
    return {key: str.__str__(text) for key, text in value.items()}


def env_from(value: Texts) -> list[str]:
    """A list of `secret:NAME` and `configmap:NAME`."""
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ValueError(f"env_from must be a list such as ['secret:db', 'configmap:site'], not {type(value).__name__}")
    given = sorted(value, key=str) if isinstance(value, set | frozenset) else value
    return [_checked_source(one, f"env_from[{position}]") for position, one in enumerate(given)]


def _checked_source(value: object, what: str) -> str:
    kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind not in _KINDS or not _NAME.match(name):
        given = shown(value) if isinstance(value, str) else type(value).__name__
        raise ValueError(f"{what} must be 'secret:NAME' or 'configmap:NAME', not {given}")
    return f"{kind}:{name}"


def masked(values: Environment | None) -> str:
    """The repr of an environment: values are hidden, references are not."""
    shown_values = {name: value if isinstance(value, dict) else Secret(MASK) for name, value in (values or {}).items()}
    return repr(shown_values)


def with_hidden_values(values: Environment) -> dict[str, Any]:
    """A copy of an environment in which the values are Secrets, and the references are as they were."""
    return {name: value if isinstance(value, dict) else hidden(value) for name, value in values.items()}


def merged_env(entries: Sequence[Mapping[str, Any]], generated: Environment, wanted: Environment) -> list[Any]:
    """The entries of a container's `env`, each name once: generated ones, then the manifest's, then the wanted ones."""
    merged: dict[str, Any] = {name: env_entry(name, value) for name, value in generated.items() if value is not None}
    for one in entries:
        if one["name"] in RESERVED:  # of another run, in an exported Job
            continue
        merged.pop(one["name"], None)  # the last one counts, in its own place: entries can refer to earlier ones
        merged[one["name"]] = dict(one)
    for name, value in wanted.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = env_entry(name, value)
    return list(merged.values())


def env_entry(name: str, value: str | Reference) -> dict[str, Any]:
    """The entry of a container's `env` for one variable."""
    if not isinstance(value, dict):
        return {"name": name, "value": Secret(literal(value))}
    (kind,) = value.keys() & _KINDS.keys()
    return {"name": name, "valueFrom": {f"{_KINDS[kind]}KeyRef": {"name": value[kind], "key": value["key"]}}}


def merged_sources(entries: Sequence[Mapping[str, Any]], wanted: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of a container's `envFrom`: the manifest's, then the wanted ones. The last that has a name counts."""
    own = [{f"{_KINDS[kind]}Ref": {"name": name}} for kind, _, name in (one.partition(":") for one in wanted)]
    return [*(dict(one) for one in entries if one not in own), *own]


def literal(text: str) -> str:
    """Escapes `text` for arguments and variables, in which Kubernetes expands $(NAME) and $$."""
    return re.sub(r"\$(?=[$(])", "$$", text)
