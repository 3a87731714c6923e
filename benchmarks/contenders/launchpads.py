"""launchpad, with any launcher."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from launchpad import Journal, Launcher, LaunchExecutor, Run

from . import Command, Launch, check


@contextmanager
def launchpad(
    launcher: Launcher, workers: int, *, streamed: bool = False, journal: Journal | None = None
) -> Iterator[Launch]:
    lines: list[str] = []

    def on_output(run: Run, line: str) -> None:
        lines.append(line)

    def launch(commands: Sequence[Command]) -> None:
        lines.clear()
        batch = time.time_ns()
        runs = [Run(command=list(command), name=f"benchmark-{batch}-{n}") for n, command in enumerate(commands)]
        futures = [executor.submit(run, on_output=on_output if streamed else None) for run in runs]
        check(not future.result() for future in futures)
        assert len(lines) == (len(commands) if streamed else 0)

    with launcher, LaunchExecutor(launcher, workers, journal=journal) as executor:
        yield launch
