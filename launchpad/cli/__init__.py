"""The command line: `launchpad run`, `batch`, `ps` and so on. It needs the extra `cli` (click and rich).

Standard output carries the output of runs and results in JSON. Messages of launchpad go to standard error, one line
each, never as a traceback.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

_NEEDED = ("click", "rich")


def main() -> NoReturn:
    """The entry point `launchpad`: runs the command line in sys.argv and exits with its status."""
    for package in _NEEDED:
        if find_spec(package) is None:
            sys.exit(f"launchpad: the command line needs the package {package}: pip install 'launchpad-runs[cli]'")
    try:
        from .app import run_app
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run_app(sys.argv[1:]))
