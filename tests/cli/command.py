"""Runs the command line as its users do: as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMMAND = [sys.executable, "-m", "launchpad.cli"]
TIMEOUT = 60.0

Finished = subprocess.CompletedProcess[str]


def launchpad(
    *arguments: str, stdin: str = "", env: Mapping[str, str] = {}, cwd: Path | None = None, shell: str = ""
) -> Finished:
    """What came of `launchpad ARGUMENTS`; with `shell`, of a script of bash in which "$@" is that command."""
    command = ["bash", "-c", shell, "bash", *COMMAND] if shell else COMMAND
    return subprocess.run(
        [*command, *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        env={**os.environ, **env},
        cwd=cwd,
    )


class Started:
    """A `launchpad` that runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdout = process.stdout
        self.stderr = process.stderr

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def status(self) -> int:
        return self.process.wait(TIMEOUT)


@contextmanager
def started(*arguments: str, cwd: Path | None = None) -> Iterator[Started]:
    """`launchpad ARGUMENTS` while it runs; at the end of the block it is waited for."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=cwd,
    ) as process:
        try:
            yield Started(process)
        except BaseException:
            process.kill()
            raise
