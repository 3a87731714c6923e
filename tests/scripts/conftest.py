"""Scripts as users write them, run by a Python that treats every warning as an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from launchpad.subprocess.proctable import look_up

PATIENCE = 60.0
"""Seconds that a script has before its test fails."""


class Script:
    """A script that runs, with what a test does to it."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", str(path)],
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its forked children, which may hang, end with it
        )

    def line(self) -> str:
        """The next line that it prints; empty at its end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Its exit status, and what it still wrote to stdout and stderr."""
        output, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output, errors

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[str], Script]]:
    """Starts a script with the given source; it has the names that scripts of launchpad's users import."""
    header = """\
        import multiprocessing, os, sys, threading, time
        import launchpad
        from launchpad import *
    """
    with ExitStack() as scripts:

        def start(source: str) -> Script:
            path = tmp_path / "script.py"
            path.write_text(textwrap.dedent(header) + textwrap.dedent(source))
            started = Script(path)
            scripts.callback(started.close)
            return started

        yield start


def runs(identifier: str) -> bool:
    """Whether the local run of this identifier, `pid@start time`, is running."""
    pid, _, started = identifier.partition("@")
    entry = look_up(int(pid))
    return entry is not None and entry.started == started and entry.running
