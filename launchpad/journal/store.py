"""`Store`: the SQLite file of a journal, for one process at a time.

The lock is on the file itself (flock), and the kernel frees it when the process dies. SQLite has its own locks on it,
which let other processes read.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from urllib.parse import quote
from weakref import WeakSet

from ..core.starters import this_process
from ..text import quoted
from . import file
from .codec import COLUMNS, Row, entry_of, row_of
from .entry import Entry
from .writer import Writer

LOCK_TIMEOUT = 2.0
"""Seconds for which the lock is tried: a process that is being started by one that has just died may have it."""

LOCK_INTERVAL = 0.05
"""Seconds between two tries."""

CHECKPOINT_PAGES = 10_000
"""Pages in the write-ahead log after which SQLite moves them, which waits for the disk."""

APPLICATION_ID = 0x4C504A4C
"""Marks a SQLite file as a journal: "LPJL"."""

VERSION = 1
"""The version of the tables. A later launchpad may have a later one."""

_TABLES = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {VERSION};
    CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE items (
        key BLOB NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, run_id TEXT NOT NULL, handle TEXT,
        attempts TEXT, past TEXT, outcome TEXT, succeeded INTEGER NOT NULL
    );
"""
_ALL = ", ".join(COLUMNS)
_SELECT = f"SELECT {_ALL} FROM items"
_WRITE = f"REPLACE INTO items (rowid, {_ALL}) VALUES (?, {', '.join('?' * len(COLUMNS))})"


class Store:
    """The entries of a journal that this process uses. Thread-safe.

    The writer's thread alone writes, by a connection of its own; the others read by a second one, under a lock.
    """

    def __init__(self, path: str) -> None:
        """Opens the file, or makes it. LaunchError."""
        self._path = path
        self._lock = _locked(path)
        try:
            with _translated(path):
                _check(path)
                self._written = _connection(path, "rwc")
                _prepare(self._written)
                self._read = _connection(path, "ro")
                self.salt: bytes = self._read.execute("SELECT value FROM facts WHERE name = 'salt'").fetchone()[0]
                self._numbers: dict[bytes, int] = dict(self._read.execute("SELECT key, rowid FROM items"))
        except BaseException:
            self._close()
            raise
        self._last = max(self._numbers.values(), default=0)
        self._reading = threading.Lock()
        self._writer = Writer(self._commit)
        _OPEN.add(self)

    def entry(self, key: bytes) -> Entry | None:
        """The entry of an item, as it was written last."""
        number = self._numbers.get(key)
        if number is None:
            return None
        with self._reading, _translated(self._path):
            row = self._read.execute(f"{_SELECT} WHERE rowid = ?", (number,)).fetchone()
            return None if row is None else entry_of(row)

    def __contains__(self, key: bytes) -> bool:
        """Whether there is an item with this key."""
        return key in self._numbers

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._numbers)

    def successes(self) -> set[bytes]:
        """The keys of the items that have succeeded."""
        with self._reading, _translated(self._path):
            return {key for (key,) in self._read.execute("SELECT key FROM items WHERE succeeded")}

    def write(self, entry: Entry) -> None:
        """Writes an entry; on return, it survives the death of this process. LaunchError if it cannot be written."""
        with _translated(self._path):
            self._writer.write(entry)

    def note(self, entry: Entry) -> None:
        """Has an entry written soon. If that fails, it is tried again with each write that follows."""
        self._writer.note(entry)

    def close(self) -> None:
        """Closes the file, and frees the lock. LaunchError if entries could not be written."""
        lost = self._writer.close()
        is_deleted = self._is_deleted()
        with self._reading:
            self._close()
        if is_deleted:
            raise file.deleted(self._path)
        if lost:
            raise file.unusable(
                self._path,
                f"the ends of {len(lost)} runs could not be written. Begin the batch again when there is room: it "
                "takes them from the engine",
            )

    def _is_deleted(self) -> bool:
        return self._lock >= 0 and not os.fstat(self._lock).st_nlink

    def _commit(self, entries: Sequence[Entry]) -> None:
        if self._is_deleted():
            raise file.deleted(self._path)
        rows = [(self._number(entry.key), *row_of(entry)) for entry in entries]
        if len(rows) == 1:
            self._written.execute(_WRITE, rows[0])
            return
        with _transaction(self._written):
            self._written.executemany(_WRITE, rows)

    def _number(self, key: bytes) -> int:
        """The number of an item's row: they are in the order in which the items were begun."""
        if key not in self._numbers:
            self._last += 1
            self._numbers[key] = self._last
        return self._numbers[key]

    def _close(self) -> None:
        with suppress(sqlite3.Error):  # of a full disk: all that is written is in the log
            for name in ("_read", "_written"):
                if (connection := self.__dict__.pop(name, None)) is not None:
                    connection.close()
        self.free_lock()

    def free_lock(self) -> None:
        """Lets other processes use the file. Idempotent."""
        _OPEN.discard(self)
        descriptor, self._lock = self._lock, -1
        if descriptor >= 0:
            os.close(descriptor)

    def has_locked(self, status: os.stat_result) -> bool:
        """Whether the file with this status is the one that is open here."""
        return self._lock >= 0 and os.path.samestat(os.fstat(self._lock), status)


_OPEN: WeakSet[Store] = WeakSet()


def _free_locks() -> None:
    """In a forked child: the lock is the parent's, and must not outlive it."""
    for store in list(_OPEN):
        store.free_lock()


os.register_at_fork(after_in_child=_free_locks)


def read_entries(path: str) -> Iterator[Entry]:
    """The entries of the journal at `path` in the order in which they were begun, also while a process uses it.

    LaunchError if there is no journal, or it cannot be read. The file is left as it is.
    """
    with _translated(path):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise file.unusable(path, "it is not a regular file")
        for row in _rows(path) if _is_open_here(path) else _rows_of_closed(path):
            yield entry_of(row)


def _rows_of_closed(path: str) -> list[Row]:
    """All rows, in order, of a journal that this process has not opened.

    One that another process uses is not checked: its files change, and are whole. They may be unreadable while
    the process opens or closes the journal: then it is tried again.
    """
    until = time.monotonic() + LOCK_TIMEOUT
    with open(path, "rb") as opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                try:
                    return _rows(path)
                except sqlite3.Error:
                    if time.monotonic() >= until:
                        raise
                time.sleep(LOCK_INTERVAL)
            else:
                _check(path)
                return _rows(path)


def _rows(path: str) -> list[Row]:
    if not os.path.getsize(path):
        return []
    with closing(_connection(path, _reading_mode(path))) as connection:
        if not _has_tables(connection):  # its process was killed while it made them, or makes them now
            return []
        return connection.execute(f"{_SELECT} ORDER BY rowid").fetchall()


def _locked(path: str) -> int:
    """Opens the file and locks it. LaunchError that names the process that has the lock."""
    if _is_open_here(path):
        raise file.unusable(path, "this process uses it already")
    descriptor = file.open_for_lock(path)
    until = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise file.unusable(path, f"{_owner(path)} is using it") from None
        except OSError as error:
            os.close(descriptor)
            raise file.unusable(path, f"it cannot be locked ({error.strerror})") from error
        time.sleep(LOCK_INTERVAL)


def _owner(path: str) -> str:
    """The process that uses a journal, in words."""
    with suppress(sqlite3.Error, TypeError, ValueError), closing(_connection(path, "ro")) as connection:
        host, _, pid, _ = connection.execute("SELECT value FROM facts WHERE name = 'owner'").fetchone()[0].split("/")
        return f"process {pid} of host {quoted(host)}"
    return "another process"


def _reading_mode(path: str) -> str:
    """Without a log, no process writes, and none of SQLite's files need be made beside the journal."""
    return "ro" if os.path.exists(f"{path}-wal") else "ro&immutable=1"


def _connection(path: str, mode: str) -> sqlite3.Connection:
    """Opens the file with SQLite; `mode` is "ro", or "rwc" to write."""
    uri = f"file:{quote(os.path.abspath(path))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=LOCK_TIMEOUT)


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables of a new journal, and records this process as its user."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a commit survives this process, not a loss of power
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    with _transaction(connection):
        if not _has_tables(connection):
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO facts VALUES ('salt', ?)", (os.urandom(32),))
        connection.execute("INSERT OR REPLACE INTO facts VALUES ('owner', ?)", (str(this_process()),))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log is short then, and the file has the tables


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _check(path: str) -> None:
    """LaunchError if the file is no journal, of a later version, or damaged. It is left as it is.

    It must not be called while this process has the file open: SQLite would lose its locks.
    """
    file.check(path)
    if not os.path.getsize(path):
        return
    with closing(_connection(path, _reading_mode(path))) as connection:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if application != APPLICATION_ID and _has_tables(connection):
            raise file.unusable(path, "it is not a journal of launchpad, but another program's SQLite file")
        if connection.execute("PRAGMA user_version").fetchone()[0] > VERSION:
            raise file.unusable(path, "a later version of launchpad has written it: use that version")
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise file.damaged(path)


def _is_open_here(path: str) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    return any(store.has_locked(status) for store in list(_OPEN))


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled it back itself
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Raises the errors of SQLite and of the system as a LaunchError that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise file.unusable(path, _explained(str(error))) from error
    except (sqlite3.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise file.damaged(path) from error
    except OSError as error:
        raise file.unusable(path, error.strerror) from error


def _explained(message: str) -> str:
    return next((words for part, words in _EXPLANATIONS.items() if part in message), message)


_EXPLANATIONS = {
    "is full": "the disk is full, or a limit of its size is reached: make room and begin the batch again",
    "readonly": "it cannot be written: check its permissions, and those of its folder",
    "unable to open": "it cannot be opened: check its permissions, and those of its folder",
    "disk I/O error": "the disk reports an error, or is full: make room, or choose a path on another disk",
    "locked": "another program has locked it",
}
