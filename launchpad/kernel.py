"""The Jupyter kernel that this process may be, and the cell that a thread belongs to. Imports nothing of Jupyter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


def in_notebook() -> bool:
    """Whether this process is a Jupyter kernel."""
    ipython: Any = sys.modules.get("IPython")
    try:
        return getattr(ipython.get_ipython(), "kernel", None) is not None
    except Exception:  # it is not imported, or only half
        return False


@contextmanager
def kept_in_cell() -> Iterator[None]:
    """Has what this thread prints appear in the cell that it belongs to now, whichever is executed meanwhile.

    ipykernel knows the cell of what is called by one. For a thread of the user's it takes, from version 7 on, the cell
    that is executed at the moment of each print.
    """
    with ExitStack() as undo:
        for stream in (sys.stdout, sys.stderr):
            if (keep := getattr(stream, "set_thread_parent", None)) is not None:
                undo.callback(stream.reset_thread_parent, keep({"header": stream.parent_header}))  # type: ignore[union-attr]
        yield
