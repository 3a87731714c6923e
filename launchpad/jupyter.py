"""The Jupyter kernel that this process may be, and the cell that a thread belongs to. Imports nothing of Jupyter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    ipython: Any = sys.modules.get("IPython")
    if ipython is None:
        return False
    try:
        return getattr(ipython.get_ipython(), "kernel", None) is not None
    except Exception:  # it is imported only half
        return False


def kept_in_cell(function: Callable[P, T]) -> Callable[P, T]:
    """Has what is printed by this thread, in a call, appear in the cell that it belongs to at the call's beginning.

    ipykernel knows the cell of what is called by one. For a thread of the user's it takes, from version 7 on, the cell
    that is executed at the moment of each print.
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
