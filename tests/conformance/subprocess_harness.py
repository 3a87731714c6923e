"""Local processes, followed in both ways there are."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import attrs
import psutil

from launchpad import Launcher, SubprocessLauncher
from launchpad.core.backend import Backend
from launchpad.core.session import Session
from launchpad.subprocess.backend import SubprocessBackend, default_unit_factory
from launchpad.subprocess.unit_threaded import ThreadedUnit

from .harness import MARK, Harness


class SubprocessHarness(Harness):
    name = "subprocess"
    exit_code_elsewhere = False

    @classmethod
    def unavailable(cls) -> str:
        return "" if default_unit_factory() is not ThreadedUnit else "this system has no pidfd"

    def launcher(self, **settings: Any) -> Launcher:
        return SubprocessLauncher(**settings)

    def leftovers(self) -> list[str]:
        # SIGKILL is sent, and not waited for, by those tests alone that end a launching process
        until = time.monotonic() + 5
        while (left := self._processes()) and time.monotonic() < until:
            time.sleep(0.01)
        for process in left:
            process.kill()
        return [str(process) for process in left]

    def _processes(self) -> list[psutil.Process]:
        zombies = [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]
        return [*self._marked(), *zombies]

    def _marked(self) -> list[psutil.Process]:
        marked = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.pid != psutil.Process().pid:
                    marked.append(process)
            except psutil.Error:
                continue
        return marked


_THREADED = Session()


@attrs.frozen(kw_only=True)
class ThreadedLauncher(SubprocessLauncher):
    """Follows its runs as on a system without pidfd."""

    _session: Session = attrs.field(init=False, eq=False, repr=False, factory=lambda: _THREADED)

    type: ClassVar[str] = "subprocess"

    def connect(self) -> Backend:
        return SubprocessBackend(ThreadedUnit)


class ThreadedHarness(SubprocessHarness):
    name = "threads"
    few_threads = False

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        return ThreadedLauncher(**settings)


HARNESSES = [SubprocessHarness, ThreadedHarness]
