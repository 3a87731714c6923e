"""The engine of the documentation page "Writing a launcher": its example has to be as good as our own engines."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from launchpad import Launcher
from tests.helping import eventually

from .harness import Harness

SOURCE = Path(__file__).parents[2] / "examples" / "directory_launcher.py"


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("directory_launcher", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EXAMPLE = _example()


END_TIMEOUT = 60.0
"""Seconds within which a process that was killed must be gone."""


class DirectoryHarness(Harness):
    name = "directory"
    many = 24
    cannot: ClassVar[Mapping[str, str]] = {
        "list_runs": "it is to show the methods that every launcher needs",
        "stdin": "it is to show what every launcher needs",
        "break_events": "its units look at files; there is no event stream",
        "kill": "a SIGKILL of its process group ends the shell that records the exit status",
        "remove": "a run that is running cannot be removed",
        "evict": "nothing evicts a background process",
        "values": "its units do not read the results of functions",
        "limit_memory": "a background process has no memory limit of its own",
        "few_descriptors": "its start cannot undo what it has made: to remove a directory takes a descriptor",
        "sent": "the directory of a run does not contain its spec",
    }

    def __init__(self, mark: str = "") -> None:
        super().__init__(mark)
        if not mark:  # else the spool belongs to the process that has made the mark
            weakref.finalize(self, shutil.rmtree, self._spool, ignore_errors=True)

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        launcher: Launcher = EXAMPLE.DirectoryLauncher(spool=str(self._spool), **settings)
        return launcher

    def leftovers(self) -> list[str]:
        left = eventually(self._with_processes, lambda left: not left, END_TIMEOUT, interval=0.01)
        self.clear()
        return [str(path) for path in left]

    def clear(self) -> None:
        for path in self._with_processes():
            EXAMPLE.RunDirectory(path).signal(signal.SIGKILL)

    def python_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(**settings)

    @property
    def _spool(self) -> Path:
        return Path(tempfile.gettempdir(), f"launchpad-{self.mark}")

    def _with_processes(self) -> list[Path]:
        paths = self._spool.iterdir() if self._spool.is_dir() else []
        return [path for path in paths if EXAMPLE.RunDirectory(path).has_processes()]


HARNESSES = [DirectoryHarness]
