"""Asks several launchers at the same time, since one whose engine cannot be reached may take long to answer."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

ANSWER_TIMEOUT = 20.0
"""Seconds until a launcher that has not answered is given up."""


def answers(asked: Iterable[tuple[str, Callable[[], T]]], timeout: float = ANSWER_TIMEOUT) -> Iterator[tuple[str, T]]:
    """Makes all calls, and yields the names and results as they come. Names without a result in time are missing.

    Each call has a daemon thread, which does not keep the process alive if it hangs. The calls must not raise.
    """
    results: queue.SimpleQueue[tuple[str, T]] = queue.SimpleQueue()

    def ask(name: str, call: Callable[[], T]) -> None:
        results.put((name, call()))

    left = 0
    for name, call in asked:
        threading.Thread(target=ask, args=(name, call), name="launchpad-check", daemon=True).start()
        left += 1
    until = time.monotonic() + timeout
    try:
        while left:
            yield results.get(timeout=max(0.0, until - time.monotonic()))
            left -= 1
    except queue.Empty:
        return
