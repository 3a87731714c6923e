"""Helpers for tests of local processes: units, scripts in other processes, ends, and limits on descriptors."""

from __future__ import annotations

import os
import resource
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import attrs

from launchpad import Handle, SubprocessLauncher
from launchpad.core.session import Session
from launchpad.subprocess.backend import SubprocessBackend, UnitFactory

TIMEOUT = 20.0
"""Seconds after which something that must happen counts as stuck."""


def launcher_of(unit_factory: UnitFactory, **settings: object) -> SubprocessLauncher:
    """A launcher with its own backend, whose units are made by `unit_factory`."""
    return _Launcher(unit_factory=unit_factory, **settings)  # type: ignore[arg-type]


@attrs.frozen(kw_only=True)
class _Launcher(SubprocessLauncher):
    unit_factory: UnitFactory
    _session: Session = attrs.field(init=False, eq=False, repr=False, factory=Session)

    def connect(self) -> SubprocessBackend:
        return SubprocessBackend(self.unit_factory)


def pid_of(handle: Handle) -> int:
    return int(handle.id.partition("@")[0])


def wait_until_ended(pid: int) -> None:
    """Waits for the end of any process, without reaping it."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([pidfd], [], [], TIMEOUT)
    os.close(pidfd)
    assert ready, f"process {pid} is still running"


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script in another process that treats every warning as an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def no_descriptors() -> AbstractContextManager[None]:
    """During the block, this process can open no file. Threads of other tests may go on polling what they have open."""
    return limited_to(3)


@contextmanager
def limited_to(limit: int) -> Iterator[None]:
    """During the block, every new descriptor must be below `limit`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
