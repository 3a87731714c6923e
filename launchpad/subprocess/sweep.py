"""`Sweeper`: finds and signals the processes that have left the process group of a run that is being stopped.

One pass over the process table serves all runs that are being stopped at the time: thousands of runs that are cancelled
together cost a few passes.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from signal import SIGTERM

from ..core.threads import start_thread
from .proctable import find_by_psutil, send_by_psutil
from .sweep_script import Entry, find, kill_all, send

CROWD = 100
"""With more runs in flight, passes pause, so that the next one serves more runs that are being stopped."""

PAUSE_FACTOR = 10
"""How many times as long as a pass took, in CPU time, the next one waits: passes take a tenth of a core at most."""

_FIND, _SEND = (find, send) if sys.platform == "linux" else (find_by_psutil, send_by_psutil)

_logger = logging.getLogger("launchpad")


class Target:
    """A run that is being stopped: its id, the group of its first process, and when that started (clock ticks)."""

    def __init__(self, run_id: str, group: int, since: int) -> None:
        self.run_id = run_id
        self.group = group
        self.since = since
        self._asked: set[Entry] = set()  # the processes that got SIGTERM

    def strays(self, found: dict[str, list[Entry]]) -> list[Entry]:
        """The processes outside the run's process group."""
        return [entry for entry in found.get(self.run_id, []) if entry[2] != self.group]

    def terminate(self, strays: Iterable[Entry]) -> None:
        """Sends SIGTERM to those that have not got it yet."""
        for entry in strays:
            if entry not in self._asked:
                self._asked.add(entry)
                _SEND(entry, SIGTERM)


class _Pass:
    """One pass over the process table, for all targets that were added before it began."""

    def __init__(self) -> None:
        self.targets: set[Target] = set()
        self.found: dict[str, list[Entry]] | None = None  # None before the pass


class Sweeper:
    """Finds and signals the processes of runs. Thread-safe.

    Signals are sent by a thread that runs while there are any to send. A call may be interrupted at any point (Ctrl-C),
    so `terminate` and `kill` only put the target into a queue and start the thread unless it runs.
    """

    def __init__(self) -> None:
        self.leaders: set[int] = set()
        """The first processes of runs, until they are reaped. They are no strays: thousands need not be looked at."""
        self._lock = threading.Lock()  # guards the next one
        self._next = _Pass()
        self._passing = threading.Lock()  # held during a pass
        self._pause_until = 0.0  # monotonic seconds
        self._requests: queue.SimpleQueue[tuple[Target, bool]] = queue.SimpleQueue()
        self._working = threading.Lock()  # held by the thread while it runs

    def strays(self, target: Target) -> list[Entry]:
        """The processes of a run outside its group, from a pass that begins after this call.

        None, with a warning, if no descriptor is left to look for them: a run must end without.
        """
        with self._lock:
            ours = self._next
            ours.targets.add(target)
        with self._passing:
            if ours.found is None:
                self._pause()
                with self._lock:
                    if self._next is ours:
                        self._next = _Pass()
                try:
                    ours.found = self._find(ours.targets)
                except OSError as error:
                    _warn(error)
                    ours.found = {}
        return target.strays(ours.found)

    def terminate(self, target: Target) -> None:
        """Has SIGTERM sent to the processes of a run outside its group, and returns at once."""
        self._request(target, False)

    def kill(self, target: Target) -> None:
        """Has all processes of a run killed, and returns at once."""
        self._request(target, True)

    def _request(self, target: Target, kill: bool) -> None:
        try:
            self._requests.put((target, kill))
        finally:
            if not self._working.locked():
                try:
                    start_thread(self._work)
                except RuntimeError:  # the system has no room for another thread, so the caller does the work
                    self._work()

    def _work(self) -> None:
        while not self._requests.empty() and self._working.acquire(blocking=False):
            try:
                self._serve_all()
            except Exception as error:
                _warn(error)
            finally:
                self._working.release()  # a request just before this started no thread: hence the loop

    def _serve_all(self) -> None:
        self._pause()
        asked: dict[bool, set[Target]] = {False: set(), True: set()}
        with suppress(queue.Empty):
            while True:
                target, kill = self._requests.get_nowait()
                asked[kill].add(target)
        if killed := asked[True]:
            kill_all([target.run_id for target in killed], _oldest(killed), find=_FIND, send=_SEND)
        if asked_to_end := asked[False] - killed:
            found = self._find(asked_to_end)
            for target in asked_to_end:
                target.terminate(target.strays(found))

    def _pause(self) -> None:
        """Waits until the next pass may begin. Meanwhile, more targets are added to it."""
        time.sleep(max(0.0, self._pause_until - time.monotonic()))

    def _find(self, targets: set[Target]) -> dict[str, list[Entry]]:
        began = time.thread_time()
        try:
            return _FIND([target.run_id for target in targets], _oldest(targets), but=self.leaders)
        finally:
            if len(self.leaders) > CROWD:
                self._pause_until = time.monotonic() + PAUSE_FACTOR * (time.thread_time() - began)


def _oldest(targets: set[Target]) -> int:
    """When the first of the runs started."""
    return min(target.since for target in targets)


def _warn(error: Exception) -> None:
    with suppress(Exception):  # a defect of a logging filter
        _logger.warning("Processes that left the group of a stopped run may go on running: %s", error)
