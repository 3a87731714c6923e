"""Ways to launch many runs and wait for all of them: ours, the bare thing, and peers.

Each is a context manager that is given how many may run at a time, and gives a function that launches commands. What
a peer needs is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

Command = Sequence[str]

Launch = Callable[[Sequence[Command]], None]
"""Launches these commands, waits for all of them, and raises where one failed."""

Way = Callable[[int], AbstractContextManager[Launch]]


def check(statuses: object) -> None:
    """Raises unless every exit status is 0."""
    if failed := [status for status in statuses if status]:  # type: ignore[attr-defined]
        raise RuntimeError(f"{len(failed)} runs failed: {failed[0]!r}")
