"""`Journal`: the public name of a journal, which an executor uses."""

from __future__ import annotations

import enum
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Set
from types import TracebackType
from typing import TYPE_CHECKING

from ..converters import StrPath, flag, optional_path
from ..models import Handle, Listed, Run
from .entry import Action, Entry, next_action
from .identity import Keys, own_settings

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..core.output_files import Log
    from ..launcher import Launcher
    from ..retry import Retry
    from .item import Item
    from .store import Store

START_INTERVAL = 0.02
"""Seconds between two looks for a run that is being started."""


class Known(enum.Enum):
    """What a journal has of an item, in short."""

    NO = "no"
    YES = "yes"
    SUCCEEDED = "succeeded"


class Journal:
    """Records what a batch has started and how each run ended, in a file by which the batch can be begun again.

    Give it to a `LaunchExecutor`, and submit the same runs again after an interruption: those that succeeded are not
    launched again, those that still run are followed, and the rest is launched. With `retry_failed`, runs that
    failed are launched again too. Runs are the same if their fields are, but for the id.

    The file is a SQLite database, and is made at the first use. It has no value of an environment and no parameter.
    One process at a time uses it, and in that, one executor. The executor opens it, and closes it when it is shut down
    and its runs have ended; a `with` block keeps it open in between. LaunchError if it cannot be used.
    """

    def __init__(self, path: StrPath, *, retry_failed: bool = False) -> None:
        given = optional_path(path, "the path of a journal")
        if not given:
            raise ValueError("the path of a journal must not be empty")
        self.path: str = given
        self.retry_failed = flag(retry_failed, "retry_failed")
        self._lock = threading.Lock()  # guards the next six
        self._users = 0
        self._store: Store | None = None
        self._keys: Keys | None = None
        self._recorded = 0  # items in the file when it was opened
        self._counts: Counter[str] = Counter()
        self._prepared: dict[str, bytes] = {}  # keys by run id
        self._keeping: dict[int, tuple[Launcher, Launcher]] = {}  # by the id of the first, which lives as long
        self._listed: dict[tuple[str, str], tuple[Set[str], list[Listed]]] = {}  # by the launcher's type and the engine
        self._listing = threading.Lock()  # guards the lists, and is held while an engine is asked

    def open(self) -> None:
        """Opens the file, unless it is open. Each call needs one of `close`. LaunchError."""
        with self._lock:
            if self._store is None:
                from .store import Store  # sqlite3 takes 10 ms to import

                self._store = Store(os.path.realpath(self.path))
                self._keys = Keys(self._store.salt)
                self._recorded = len(self._store)
                self._counts.clear()
                self._prepared.clear()
                self._listed.clear()
            self._users += 1

    def close(self) -> None:
        """Closes the file, at the last of as many calls as of `open`. LaunchError if it lacks ends of runs."""
        with self._lock:
            self._users = max(0, self._users - 1)
            if self._users or self._store is None:
                return
            store, self._store = self._store, None
            keeping, self._keeping = self._keeping, {}
        for _, launcher in keeping.values():
            launcher.close()  # else it would keep the connection that it shares with the first
        store.close()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Journal({self.path!r}{', retry_failed=True' if self.retry_failed else ''})"

    def item(
        self,
        run: Run,
        launcher: Launcher,
        retry: Retry | None = None,
        *,
        base: Launcher | None = None,
        log: Log | None = None,
    ) -> Item:
        """The next item of the batch: a run, and the settings in which `launcher` differs from `base`.

        `log` is the file with its output. RuntimeError if the journal is closed.
        """
        from .item import Item

        with self._lock:
            store = self._opened()
            assert self._keys is not None
            key = self._prepared.pop(run.id, None)
            if key is None:
                key = self._keys.next_of(run, own_settings(launcher, base or launcher))
                self._counts["known"] += key in store
        entry = store.entry(key)
        goes_on = None if retry is None else retry.goes_on
        action = next_action(entry, retry_failed=self.retry_failed, goes_on=goes_on)
        if action is Action.NONE:
            self.count("done")
        return Item(self, entry or Entry(key=key, name=run.name, run_id=run.id), action, launcher, log)

    def prepare(self, items: Iterable[tuple[Run, Launcher]], base: Launcher, *, skip: bool) -> list[Known]:
        """What the journal has of all items of a batch, in their order, before the first is begun.

        With `skip`, those that succeeded count as done, and are not to be begun, which is quicker than `item`.
        """
        with self._lock:
            store = self._opened()
            assert self._keys is not None
            successes, known = store.successes(), list[Known]()
            for run, launcher in items:
                key = self._keys.next_of(run, own_settings(launcher, base))
                known.append(Known.SUCCEEDED if key in successes else Known.YES if key in store else Known.NO)
                if not skip or known[-1] is not Known.SUCCEEDED:
                    self._prepared[run.id] = key
            self._counts["known"] += len(known) - known.count(Known.NO)
            if skip:
                self._counts["done"] += known.count(Known.SUCCEEDED)
        return known

    def count(self, what: str) -> None:
        """Counts an item: "known" to the file before, "done" before, "adopted" or "run"."""
        with self._lock:
            self._counts[what] += 1

    @property
    def counts(self) -> Counter[str]:
        """How many items were counted since it was opened, and how many items of the file are "missing" so far."""
        with self._lock:
            return self._counts + Counter(missing=self._recorded - self._counts["known"])

    def write(self, entry: Entry) -> None:
        """Writes an entry; on return, it survives the death of this process. LaunchError if it cannot be written."""
        with self._lock:
            store = self._opened()
        store.write(entry)

    def note(self, entry: Entry) -> None:
        """Has an entry written soon."""
        with self._lock:
            store = self._opened()
        store.note(entry)

    def find(self, launcher: Launcher, entry: Entry) -> Handle | None:
        """The handle of an item's run on the engine, if it was created. LaunchError if the engine cannot be asked.

        It blocks while a start that a dead process has requested goes on.
        """
        while True:
            with self._listing:
                starting, runs = self._runs_on(launcher)
                if may_start := entry.run_id in starting:
                    self._listed.clear()  # the next look is later
            handles = [run.handle for run in runs if run.run_id == entry.run_id and not entry.is_former(run.handle)]
            if handles or not may_start:
                return handles[-1] if handles else None
            time.sleep(START_INTERVAL)

    def _runs_on(self, launcher: Launcher) -> tuple[Set[str], list[Listed]]:
        """The runs on an engine, and the ids of those that may have been starting just before they were listed.

        They are listed once: all that is looked for was requested before this process began.
        """
        backend = launcher._backend()
        key = launcher.type, backend.engine
        if key not in self._listed:
            starting = backend.starting()
            self._listed[key] = starting, launcher.list_runs()
        return self._listed[key]

    def keeping(self, launcher: Launcher) -> Launcher:
        """The launcher, but it leaves ended runs on the engine. The same one for each item."""
        if not getattr(launcher, "auto_remove", False):
            return launcher
        with self._lock:
            if id(launcher) not in self._keeping:
                self._keeping[id(launcher)] = launcher, launcher.replace(auto_remove=False)
            return self._keeping[id(launcher)][1]

    def _opened(self) -> Store:
        if self._store is None:
            raise RuntimeError(f"The journal {self.path!r} is not open: use it in an executor, or in a with block.")
        return self._store
