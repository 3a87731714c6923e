"""In a notebook, local runs end with the kernel, however that ends: a process beside it, the guard, sees to it.

A kernel is restarted by killing it when it does not exit quickly, and nothing in it can act on that. The system has no
means of its own that fits: the signal that Linux sends at a parent's death comes when the thread ends that started the
child. So the first run starts the guard, which costs later ones a short line each through a pipe.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..launcher import OnStart
from ..models import Handle
from . import watchdog_script as guardian
from .process import Child

_logger = logging.getLogger("launchpad")


class Guard:
    """A process that stops the runs it was told of when this process is gone. Thread-safe."""

    def __init__(self) -> None:
        program = [sys.executable, "-I", "-S", os.path.abspath(guardian.__file__), str(os.getpid())]
        self._process = Child(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what is sent to the kernel's group is not for it
        )

    def watch(self, handle: Handle, grace: float) -> None:
        self._tell(f"+ {grace} {handle.id}\n")

    def forget(self, handle: Handle) -> None:
        self._tell(f"- {handle.id}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), line.encode())  # short enough to be written at once or not at all
        except OSError as error:
            _logger.debug("The guard has gone: runs may outlive this process (%s)", error)


_guards: dict[int, Guard] = {}  # by process: a forked child has to start its own
_lock = threading.Lock()


@contextmanager
def guarded(on_start: OnStart | None, grace: float) -> Iterator[OnStart | None]:
    """Gives an `on_start` that has the run guarded until the block is left; the same one where there is no guard."""
    guard = _guard_here() if hasattr(os, "pidfd_open") else None
    if guard is None:
        yield on_start
        return
    handles: list[Handle] = []

    def started(handle: Handle) -> None:
        handles.append(handle)
        guard.watch(handle, grace)
        if on_start is not None:
            on_start(handle)

    try:
        yield started
    finally:
        for handle in handles:
            guard.forget(handle)


def _guard_here() -> Guard | None:
    """The guard of this process; None where it cannot be started."""
    with _lock:
        pid = os.getpid()
        if pid not in _guards:
            try:
                _guards[pid] = Guard()
            except OSError as error:
                _logger.warning("Runs may outlive this kernel if it is killed: no guard can be started (%s)", error)
                return None
        return _guards[pid]
