"""Local processes, followed in each of the two ways."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
import psutil

from launchpad import Handle, Launcher, SubprocessLauncher
from launchpad.core.backend import Backend
from launchpad.core.session import Session
from launchpad.subprocess.backend import SubprocessBackend, default_unit_factory
from launchpad.subprocess.unit_threaded import ThreadedUnit
from tests.helping import eventually

from .harness import MARK, Harness

END_TIMEOUT = 60.0
"""Seconds within which a process that was killed must be gone."""


def _pid(handle: Handle) -> int:
    return int(handle.id.partition("@")[0])


class SubprocessHarness(Harness):
    name = "subprocess"
    cannot: ClassVar[Mapping[str, str]] = {
        "overdue": "the shim of a detached run ends it at its time-out",
        "break_events": "the kernel reports the ends of processes; there is no event stream",
        "remove": "a process that runs cannot be removed",
        "evict": "nothing evicts a process",
        "limit_memory": "a local process has no memory limit of its own",
    }

    @classmethod
    def unavailable(cls) -> str:
        return "" if default_unit_factory() is not ThreadedUnit else "this system has no pidfd"

    def launcher(self, **settings: Any) -> Launcher:
        return SubprocessLauncher(**settings)

    def leftovers(self) -> list[str]:
        # A test that kills a launching process does not wait for the SIGKILL of its run.
        left = eventually(self._processes, lambda left: not left, END_TIMEOUT, interval=0.01)
        for process in left:
            process.kill()
        return [str(process) for process in left]

    def running(self) -> list[str]:
        return [str(process) for process in self._marked()]

    def clear(self) -> None:
        for process in self._marked():
            process.kill()

    def kill(self, handle: Handle) -> None:
        os.killpg(_pid(handle), signal.SIGKILL)

    def python_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(**settings)

    def previewed(self, text: str) -> Any:
        directory, _, line = text.replace(" \\\n", " ").partition(" && ")
        printed = subprocess.run(["sh", "-c", f"printf '%s\\0' {line}"], capture_output=True, text=True, check=True)
        words = printed.stdout.split("\0")[:-1]
        variables = list(itertools.takewhile(lambda word: "=" in word, words))
        return {
            "env": dict(word.split("=", 1) for word in variables),
            "command": words[len(variables) :],
            "directory": directory.removeprefix("cd "),
        }

    def sent(self, handle: Handle) -> Any:
        process = psutil.Process(_pid(handle))
        env = eventually(process.environ, bool, END_TIMEOUT, interval=0.01)  # it may still be loading its program
        return {"env": env, "command": process.cmdline(), "directory": process.cwd()}

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
    cannot: ClassVar[Mapping[str, str]] = {
        **SubprocessHarness.cannot,
        "list_runs": "runs are not detached without pidfd",
        "exit_code_elsewhere": "the kernel gives an exit code to the parent process alone",
    }
    few_threads = False

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        return ThreadedLauncher(**settings)


HARNESSES = [SubprocessHarness, ThreadedHarness]
