"""A Docker Engine with live-restore that tests may stop and restart."""

from __future__ import annotations

import os
import shlex
import subprocess

import psutil
import pytest

COMMAND = os.environ.get("LAUNCHPAD_TEST_PRIVATE_ENGINE", "")
"""A command that controls engines with live-restore. It is given a NAME and one of up, stop, down."""


class PrivateEngine:
    """An engine that only some tests use. Its containers go on while it is stopped."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.url = ""
        """The address of the engine, once it is up."""
        if not COMMAND:
            pytest.skip(
                "LAUNCHPAD_TEST_PRIVATE_ENGINE is not a command that starts engines (`COMMAND NAME up|stop|down`)"
            )

    def up(self) -> str:
        """Starts the engine if it is not running; returns its address."""
        self.url = self._control("up").partition("DOCKER_HOST=")[2].strip()
        return self.url

    def stop(self) -> None:
        self._control("stop")

    def down(self) -> None:
        """Stops the engine and removes its containers and its data."""
        self._control("down")

    def process(self) -> psutil.Process:
        """The daemon: the one process whose command line has the engine's address."""
        (found,) = [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if process.info["name"] == "dockerd" and self.url in (process.info["cmdline"] or ())
        ]
        return found

    def _control(self, verb: str) -> str:
        command = [*shlex.split(COMMAND), self._name, verb]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
