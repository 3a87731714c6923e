"""The contenders: launchpad, hand-written code on the plain library, and other tools.

Each is a context manager: it takes the number of workers and yields a function that launches commands and waits for
all of them. It imports other packages when it is entered.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

Command = Sequence[str]

Launch = Callable[[Sequence[Command]], None]
"""Launches commands and waits for all of them; raises if one fails."""

Contender = Callable[[int], AbstractContextManager[Launch]]


def check(statuses: Iterable[object]) -> None:
    """Raises unless every exit status is 0."""
    if failed := [status for status in statuses if status]:
        raise RuntimeError(f"{len(failed)} runs failed: {failed[0]!r}")


@contextmanager
def in_threads(workers: int, run: Callable[[Command], int]) -> Iterator[Launch]:
    """A contender that calls `run(command)`, which returns the exit status, in `workers` threads."""
    with ThreadPoolExecutor(workers) as threads:
        yield lambda commands: check(threads.map(run, commands))


def feed(tool: Sequence[str], lines: Iterable[Command]) -> None:
    """Runs a tool that reads lines of words from its stdin; raises if it fails."""
    text = "".join(f"{shlex.join(line)}\n" for line in lines)
    subprocess.run(tool, input=text, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
