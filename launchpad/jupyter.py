"""Jupyter: whether this process is a kernel, the cell that a thread prints to, and how objects look in one.

The module does not import Jupyter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import attrs

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_VALUE = 500
"""Characters of a value that a table shows."""

_CELL = 'style="text-align: left"'


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is None:
        return False
    try:
        return getattr(ipython.get_ipython(), "kernel", None) is not None
    except Exception:  # another thread is importing IPython
        return False


def kept_in_cell(function: Callable[P, T]) -> Callable[P, T]:
    """Decorator: what the calling thread prints during a call appears in the cell that was executed at its start.

    ipykernel does this for the main thread. From version 7 on, it sends what another thread prints to the cell that is
    executed at the moment of each print.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if "ipykernel" not in sys.modules:
            return function(*args, **kwargs)
        with _kept_in_cell():
            return function(*args, **kwargs)

    return call


@contextmanager
def _kept_in_cell() -> Iterator[None]:
    with ExitStack() as undo:
        for stream in (sys.stdout, sys.stderr):
            if (keep := getattr(stream, "set_thread_parent", None)) is not None:
                undo.callback(stream.reset_thread_parent, keep({"header": stream.parent_header}))  # type: ignore[union-attr]
        yield


def html_table(title: str, facts: Mapping[str, object]) -> str:
    """A table of names and values as HTML; values that are None or empty text are left out."""
    from html import escape  # takes 10 ms to import

    rows = "".join(_row(escape(name), escape(_text(value))) for name, value in facts.items() if value not in (None, ""))
    return f"<div><strong>{escape(title)}</strong><table>{rows}</table></div>"


def html_tail(lines: Sequence[str]) -> str:
    """The last lines of a run's output as HTML."""
    from html import escape

    return f"<pre>{escape(chr(10).join(lines))}</pre>" if lines else ""


def shown_fields(instance: attrs.AttrsInstance) -> dict[str, object]:
    """The fields of an attrs instance that differ from their defaults, as its repr shows them: secrets masked."""
    shown: dict[str, object] = {}
    for field in attrs.fields(type(instance)):
        value = getattr(instance, field.name)
        if field.repr is not False and value != _default(field):
            shown[field.name] = field.repr(value) if callable(field.repr) else value
    return shown


def _default(field: attrs.Attribute[Any]) -> object:
    default: Any = field.default
    return default.factory() if hasattr(default, "factory") and not default.takes_self else default


def _text(value: object) -> str:
    text = value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _row(name: str, value: str) -> str:
    # <bdi>: a name that is written from right to left does not change the order of the text beside it.
    return f"<tr><th {_CELL}>{name}</th><td {_CELL}><bdi>{value}</bdi></td></tr>"
