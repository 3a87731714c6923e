"""What tests of local processes look at, and how they leave this process without descriptors."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import attrs

from launchpad import SubprocessLauncher
from launchpad.core.session import Session
from launchpad.subprocess.backend import SubprocessBackend, UnitFactory
from launchpad.subprocess.proctable import look_up


def launcher_of(unit_factory: UnitFactory, **settings: object) -> SubprocessLauncher:
    """A launcher with a backend of its own that makes its units by `unit_factory`."""
    return _Launcher(unit_factory=unit_factory, **settings)  # type: ignore[arg-type]


@attrs.frozen(kw_only=True)
class _Launcher(SubprocessLauncher):
    unit_factory: UnitFactory
    _session: Session = attrs.field(init=False, eq=False, repr=False, factory=Session)

    def connect(self) -> SubprocessBackend:
        return SubprocessBackend(self.unit_factory)


def is_running(pid: int) -> bool:
    entry = look_up(pid)
    return entry is not None and entry.running


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def no_descriptors() -> AbstractContextManager[None]:
    """This process can open no file."""
    return limited_to(0)


@contextmanager
def limited_to(numbers: int) -> Iterator[None]:
    """This process can open files that get numbers below that one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (numbers, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
