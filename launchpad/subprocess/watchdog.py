"""In a notebook, local runs end with the kernel, even if it is killed: a watchdog process stops them.

Jupyter kills a kernel that does not exit quickly on a restart, and no code in the kernel can act on that. Linux can
signal a child at its parent's death, but does so when the thread that started the child ends. So the first run starts
a watchdog process; each later one costs two short lines through a pipe.
"""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import LaunchError
from ..launcher import OnStart
from ..models import Handle
from . import watchdog_script
from .spawn import Child
from .spec import python_of

_logger = logging.getLogger("launchpad")


class Watchdog:
    """A process that stops the runs it watches when this process is gone. Thread-safe."""

    def __init__(self) -> None:
        program = [python_of(None, None), "-I", "-S", os.path.abspath(watchdog_script.__file__), str(os.getpid())]
        self._process = Child(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # signals to the kernel's process group must not reach it
        )

    def watch(self, handle: Handle, grace: float) -> None:
        self._send(f"+ {grace} {handle.id}\n")

    def forget(self, handle: Handle) -> None:
        self._send(f"- {handle.id}\n")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), line.encode())  # short: a pipe takes all of it or none
        except OSError as error:
            _logger.debug("The watchdog has ended: runs may outlive this process (%s)", error)


_watchdogs: dict[int, Watchdog] = {}  # by pid: a forked child needs one of its own
_lock = threading.Lock()


@contextmanager
def watched(on_start: OnStart | None, grace: float) -> Iterator[OnStart | None]:
    """Yields an `on_start` that has the run watched during the block, or the given one if there is no watchdog."""
    watchdog = _watchdog() if hasattr(os, "pidfd_open") else None
    if watchdog is None:
        yield on_start
        return
    handles: list[Handle] = []

    def started(handle: Handle) -> None:
        handles.append(handle)
        watchdog.watch(handle, grace)
        if on_start is not None:
            on_start(handle)

    try:
        yield started
    finally:
        for handle in handles:
            watchdog.forget(handle)


def _watchdog() -> Watchdog | None:
    """The watchdog of this process; None if none can be started."""
    with _lock:
        pid = os.getpid()
        if pid not in _watchdogs:
            try:
                _watchdogs[pid] = Watchdog()
            except (OSError, LaunchError) as error:
                _logger.warning("Runs may outlive this kernel if it is killed: no watchdog can be started (%s)", error)
                return None
        return _watchdogs[pid]
