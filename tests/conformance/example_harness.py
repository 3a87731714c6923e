"""The engine of the documentation page "Writing a launcher": its example has to be as good as our own engines."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from launchpad import Launcher

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


class DirectoryHarness(Harness):
    name = "directory"
    many = 24

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        launcher: Launcher = EXAMPLE.DirectoryLauncher(spool=str(self._spool), **settings)
        return launcher

    def leftovers(self) -> list[str]:
        until = time.monotonic() + 5
        while (left := self._with_processes()) and time.monotonic() < until:
            time.sleep(0.01)
        for path in left:
            EXAMPLE.RunDirectory(path).signal(9)
        shutil.rmtree(self._spool, ignore_errors=True)
        return [str(path) for path in left]

    @property
    def _spool(self) -> Path:
        return Path(tempfile.gettempdir(), f"launchpad-{self.mark}")

    def _with_processes(self) -> list[Path]:
        paths = self._spool.iterdir() if self._spool.is_dir() else []
        return [path for path in paths if EXAMPLE.RunDirectory(path).has_processes()]


HARNESSES = [DirectoryHarness]
