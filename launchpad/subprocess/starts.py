"""Finds the shims of other processes whose runs are not in the state folder yet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from . import script_runner, shim_script
from .detached import detached_runs
from .state import StateFolder

_RUNNER = os.path.basename(script_runner.__file__).encode()
_SHIM = shim_script.__name__.rpartition(".")[2].encode()


def starting() -> set[str]:
    """The ids of the runs of this user whose shims run, but have not recorded them yet. Empty without /proc."""
    state = StateFolder()
    return {run_id for run_id in _led() if not any(True for _ in detached_runs(state.of(run_id)))}


def _led() -> Iterator[str]:
    """The ids of the runs that have shims, which are their last argument."""
    with suppress(FileNotFoundError):
        for name in os.listdir("/proc"):
            with suppress(OSError, ValueError):  # it has ended, or is that of another user
                if os.stat(f"/proc/{int(name)}").st_uid == os.getuid():
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        words = file.read().split(b"\0")
                    if len(words) > 3 and words[-3] == _SHIM and os.path.basename(words[-4]) == _RUNNER:
                        yield os.fsdecode(words[-2])
