"""Checks that local processes can be launched here."""

from __future__ import annotations

import importlib.util
import os
import sys

from ..errors import LaunchError
from ..health import Health
from ..models import Run
from .backend import has_pidfd
from .launcher import SubprocessLauncher


def check(launcher: SubprocessLauncher) -> Health:
    """Launches this interpreter with an empty program."""
    if sys.platform != "linux" and importlib.util.find_spec("psutil") is None:
        return Health(usable=False, detail="The process table cannot be read.", advice="pip install psutil")
    run = Run(command=[sys.executable, "-S", "-c", ""], name="doctor")
    if not launcher.submit(run, on_output=lambda run, line: None):
        raise LaunchError(f"{sys.executable} failed.")
    system = os.uname()
    return Health(
        usable=True,
        version=f"{system.sysname} {system.release}",
        detail=f"{os.cpu_count()} CPUs; runs are followed by {'pidfd, without threads' if has_pidfd() else 'threads'}",
    )
