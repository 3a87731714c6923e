"""`Writer`: writes entries in groups, each group in one transaction."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from .entry import Entry

GROUP_WINDOW = 0.2
"""Seconds within which entries are written that no thread waits for."""


class _Write:
    """An entry that is to be written. The thread that commits it sets the rest."""

    __slots__ = ("entry", "error", "keep", "settled")

    def __init__(self, entry: Entry, keep: bool) -> None:
        self.entry = entry
        self.keep = keep  # for the next commit, if one fails
        self.settled = False
        self.error: Exception | None = None


class Writer:
    """Writes entries by `commit`, a function that writes some in one transaction or raises. Thread-safe.

    One thread commits at a time, holding `_lock` during I/O: all entries that are pending, in their order, also those
    of the threads that wait for the lock. A thread of its own, from the construction to `close`, commits those
    that no thread waits for.
    """

    def __init__(self, commit: Callable[[Sequence[Entry]], None]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._pending: deque[_Write] = deque()  # appended by any thread, taken with the lock
        self._noted = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._commit_notes, name="launchpad-journal", daemon=True)
        self._thread.start()

    def write(self, entry: Entry) -> None:
        """Writes an entry, and returns when it is written. Raises the error of `commit`; it is not written then."""
        write = _Write(entry, keep=False)
        self._pending.append(write)
        with self._lock:
            if not write.settled:
                self._commit_pending()
        if write.error is not None:
            raise write.error

    def note(self, entry: Entry) -> None:
        """Has an entry written soon, and returns at once. If a commit fails, the next one has it again."""
        self._pending.append(_Write(entry, keep=True))
        if not self._noted.is_set():
            self._noted.set()

    def close(self) -> list[Entry]:
        """Ends the thread, and returns the entries that could not be written. Idempotent."""
        self._closing.set()
        self._noted.set()
        self._thread.join()
        with self._lock:
            self._commit_pending()
            return [write.entry for write in self._pending]

    def _commit_notes(self) -> None:
        while not self._closing.is_set():
            self._noted.wait()
            self._closing.wait(GROUP_WINDOW)
            self._noted.clear()
            with self._lock:
                self._commit_pending()

    def _commit_pending(self) -> None:
        group = []
        while self._pending:
            group.append(self._pending.popleft())
        if not group:
            return
        try:
            self._commit(list({write.entry.key: write.entry for write in group}.values()))  # the last of each item
        except Exception as error:
            for write in group:
                write.error = error
            self._pending.extendleft(reversed([write for write in group if write.keep]))
        for write in group:
            write.settled = True
