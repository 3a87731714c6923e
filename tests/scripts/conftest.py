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

SCRIPT_TIMEOUT = 120.0
"""Seconds after which a script that has not ended fails its test."""


class Script:
    """A running script."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", str(path)],
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # `close` kills its forked children with it
        )

    def line(self) -> str:
        """The next line of its stdout; empty after the last one."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Waits for its end; returns its exit status and the rest of its stdout and stderr."""
        output, errors = self.process.communicate(timeout=SCRIPT_TIMEOUT)
        return self.process.returncode, output, errors

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Callable[[str], Script]]:
    """Starts a script with the given source, after imports of launchpad and of some standard modules."""
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


def is_run_active(identifier: str) -> bool:
    """Whether the local run with this id in its handle, `pid@start time`, is running."""
    pid, _, started = identifier.partition("@")
    entry = look_up(int(pid))
    return entry is not None and entry.started == started and entry.running
