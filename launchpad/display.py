"""How objects look in a notebook: a small table of what they say of themselves. Pure; it shows what a repr shows."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

LONGEST = 500
"""Characters of a value that are shown."""

_CELL = 'style="text-align: left"'


def table(title: str, facts: Mapping[str, object]) -> str:
    """HTML; facts that are None or empty are left out."""
    rows = "".join(_row(name, value) for name, value in facts.items() if value is not None and value != "")
    return f"<div><strong>{html.escape(title)}</strong><table>{rows}</table></div>"


def settings(instance: attrs.AttrsInstance) -> dict[str, object]:
    """The fields of an attrs instance that are not at their defaults, as its repr shows them: masked or not at all."""
    return dict(_shown(instance))


def _shown(instance: attrs.AttrsInstance) -> Iterator[tuple[str, object]]:
    for field in attrs.fields(type(instance)):
        value = getattr(instance, field.name)
        if field.repr is False or value == _default(field):
            continue
        yield field.name, field.repr(value) if callable(field.repr) else value


def _default(field: attrs.Attribute[Any]) -> object:
    default: Any = field.default
    return default.factory() if hasattr(default, "factory") and not default.takes_self else default


def _row(name: str, value: object) -> str:
    text = value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value)
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    # <bdi>: a name that is written from right to left does not turn what stands beside it.
    return f"<tr><th {_CELL}>{html.escape(name)}</th><td {_CELL}><bdi>{html.escape(text)}</bdi></td></tr>"
