"""The command line: `launchpad run | batch | preview | doctor`. It needs the extra `cli` (click and rich).

Standard output belongs to what runs and to what was asked for as JSON; all that launchpad has to say goes to standard
error, a line at a time, and never as a traceback.
"""

from __future__ import annotations

import sys
from typing import NoReturn

_NEEDED = ("click", "rich", "yaml")


def main() -> NoReturn:
    """The entry point `launchpad`: runs the command line that sys.argv holds, and exits with its status."""
    try:
        from .app import run_app
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _NEEDED:
            raise
        sys.exit(f"launchpad: the command line needs the package {missing}: pip install launchpad[cli]")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run_app(sys.argv[1:]))
