"""Starts the programs of launchpad that go on when this process has ended: the watchdog and the shims."""

from __future__ import annotations

import os
from contextlib import suppress
from types import ModuleType

from ..variables import inherited
from . import script_runner
from .spawn import Program, spawn
from .spec import python_of


def spawn_script(script: ModuleType, argument: str, stdout: int, stderr: int, stdin: int | None = None) -> int:
    """Starts a program that goes on in a child of its own, so that it is no child of this process. Returns its pid.

    Without `stdin`, that is the null device. OSError or LaunchError if it cannot be started.
    """
    runner, module = os.path.abspath(script_runner.__file__), script.__name__.rpartition(".")[2]
    program = [python_of(None, None), "-I", "-S", runner, module, argument]
    return spawn(Program(program, None, _environment(), stdin), {"stdout": stdout, "stderr": stderr})


def reap(pid: int) -> None:
    """Waits until the program has left its child behind. RuntimeError if it failed."""
    with suppress(ChildProcessError):  # other code waits for all children
        if status := os.waitpid(pid, 0)[1]:
            raise RuntimeError(f"its exit status is {os.waitstatus_to_exitcode(status)}")


def _environment() -> dict[bytes, bytes]:
    """What Python may need to start, and no id of a run: a stop of a run around this one must not find the program."""
    return {name: value for name, value in inherited().items() if name == b"LD_LIBRARY_PATH"}
