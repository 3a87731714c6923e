"""The check beside the launcher."""

from __future__ import annotations

import threading

from launchpad import EngineUnavailable
from launchpad.health import Health

from .launcher import CheckedLauncher

never = threading.Event()


def check(launcher: CheckedLauncher) -> Health:
    if launcher.answer == "unavailable":
        raise EngineUnavailable("No engine answers: start it.")
    if launcher.answer == "broken":
        raise KeyError("key")
    if launcher.answer == "hanging":
        never.wait(60)
    return Health(usable=True, version="1.2", detail="found", advice="go on")
