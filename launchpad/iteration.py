"""Launches the runs of an input of any size, some at a time, and yields their futures in order of completion."""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterator
from typing import Any

from .future import LaunchFuture
from .models import Run


def launched(
    submit: Callable[[Run], LaunchFuture], runs: Iterator[Run], ahead: int
) -> Generator[LaunchFuture, None, None]:
    """Yields the futures of `runs`. No more than `ahead` runs are taken from the input and not yet yielded.

    If it is left early, by an error of the input or of `submit` too, it cancels what it has submitted and not yielded.
    """
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    waiting: set[LaunchFuture] = set()
    number, more = 0, True
    try:
        while True:
            while more and len(waiting) < ahead:
                try:
                    run = next(runs)
                except StopIteration:
                    more = False
                    break
                number += 1
                if not isinstance(run, Run):
                    raise TypeError(f"launch_iter takes Runs, not {type(run).__name__}: number {number} of its input")
                future = submit(run)
                waiting.add(future)
                future.add_done_callback(done.put)
                del future, run  # the caller may drop them while this waits
            if not waiting:
                return
            ended: LaunchFuture = done.get()
            waiting.discard(ended)
            yield ended
            del ended
    finally:
        for left in sorted(waiting, key=LaunchFuture.running):  # queued ones first, or they would be started
            left.cancel()
