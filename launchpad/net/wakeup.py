"""Waiting for several sockets at once, waking the thread that does, and the time that both depend on."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Sequence
from typing import Protocol

_ONE = (1).to_bytes(8, sys.byteorder)  # the number that an event descriptor takes


class HasFileno(Protocol):
    def fileno(self) -> int: ...


def readable(sources: Sequence[HasFileno], timeout: float | None, targets: Sequence[HasFileno] = ()) -> bool:
    """Waits until one of `sources` can be read, one of `targets` can be written, or one of them has failed.

    False if `timeout` seconds (None: no limit) passed.
    """
    if not hasattr(select, "poll"):
        return any(select.select(sources, targets, [], timeout))
    poll = select.poll()
    read = [source.fileno() for source in sources]
    for descriptor in read:
        poll.register(descriptor, select.POLLIN)
    for descriptor in [target.fileno() for target in targets]:  # a second registration replaces the first
        poll.register(descriptor, select.POLLOUT | select.POLLIN if descriptor in read else select.POLLOUT)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))


class Wakeup:
    """Wakes a thread that waits for it and for sockets. Level-triggered: stays set until cleared.

    Any thread may call any method; `wait` must have returned before `close`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below
        self._is_set = False
        if hasattr(os, "eventfd"):  # one descriptor in place of two
            self._reading = self._writing = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        else:
            self._reading, self._writing = os.pipe()

    def fileno(self) -> int:
        """A descriptor that can be read while this is set; -1 after `close`."""
        return self._reading

    def set(self) -> None:
        """Wakes the thread that waits, or the next one that will. Does nothing after `close`."""
        with self._lock:
            if not self._is_set and self._reading >= 0:
                os.write(self._writing, _ONE)
                self._is_set = True

    def clear(self) -> None:
        with self._lock:
            if self._is_set and self._reading >= 0:
                os.read(self._reading, len(_ONE))
                self._is_set = False

    def wait(self, timeout: float | None, *others: HasFileno, targets: Sequence[HasFileno] = ()) -> bool:
        """Waits until this is set, or as `readable` does for `others` and `targets`. ValueError after `close`."""
        return readable([self, *others], timeout, targets)

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._reading >= 0:
                for descriptor in {self._reading, self._writing}:
                    os.close(descriptor)
                self._reading = -1


class Clock:
    """The time, and the waits that it ends. Tests pass one of their own to let hours go by in no time."""

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wait(self, wakeup: Wakeup, timeout: float | None, *others: HasFileno) -> bool:
        """Waits as `wakeup.wait` does."""
        return wakeup.wait(timeout, *others)


CLOCK = Clock()
