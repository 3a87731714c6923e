"""What there is to know of the Jupyter kernel that this process may be. Imports nothing of it."""

from __future__ import annotations

import sys
from typing import Any


def in_notebook() -> bool:
    """Whether this is the process of a Jupyter kernel."""
    ipython: Any = sys.modules.get("IPython")
    try:
        return getattr(ipython.get_ipython(), "kernel", None) is not None
    except Exception:  # it is not imported, or only half
        return False
