"""The file of a journal: what is kept, and what is refused."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from launchpad import LaunchError
from launchpad.journal.codec import MAX_VALUE
from launchpad.journal.entry import Entry
from launchpad.journal.store import Store, read_entries
from launchpad.results import RunError

from .helping import FAILURE, HANDLE, SUCCESS, as_after_a_kill, filled

ENTRY = Entry(key=bytes(16), name="job", run_id="run").started(HANDLE)


def kept(path: Path) -> list[Entry]:
    return list(read_entries(str(path)))


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    whole = attrs.evolve(
        FAILURE, value={"a": [1, None]}, error=RunError("KeyError", "'x'"), tail=("last",), log="logs/job", attempt=2
    )
    entry = ENTRY.paused(FAILURE).intended("run").started(HANDLE).ended(whole)
    store = Store(str(tmp_path / "journal"))
    store.write(ENTRY)
    store.note(entry)
    store.close()
    assert kept(tmp_path / "journal") == [entry]
    assert [file.name for file in tmp_path.iterdir()] == ["journal"]


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    store.write(ENTRY)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_value_that_is_too_large_is_left_out_with_the_reason(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    store.write(ENTRY.ended(attrs.evolve(SUCCESS, value="x" * MAX_VALUE)))
    store.close()
    [entry] = kept(tmp_path / "journal")
    assert entry.outcome is not None
    assert (entry.outcome.value, entry.outcome.ok) == (None, True)
    assert f"{MAX_VALUE + 2} bytes" in entry.outcome.value_error


def test_what_was_written_is_there_after_a_kill(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    store.write(ENTRY)
    copy = as_after_a_kill(tmp_path / "journal", tmp_path / "copy")
    store.close()
    assert kept(copy) == [ENTRY]
    Store(str(copy)).close()
    assert kept(copy) == [ENTRY]


def test_a_second_process_gets_an_error_that_names_the_first(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    code = f"from launchpad.journal.store import Store; Store({str(tmp_path / 'journal')!r})"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert f"process {os.getpid()} of host" in other.stderr.splitlines()[-1]
    with pytest.raises(LaunchError, match="this process uses it already"):
        Store(str(tmp_path / "journal"))
    store.write(ENTRY)  # the others have not taken its locks
    store.close()
    Store(str(tmp_path / "journal")).close()


def test_a_journal_that_is_deleted_while_it_is_in_use_takes_no_more_entries(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    store.write(ENTRY)
    (tmp_path / "journal").unlink()
    for write in (lambda: store.write(ENTRY), store.close):
        with pytest.raises(LaunchError, match="it was deleted while it was in use"):
            write()


def test_a_forked_child_does_not_keep_it_locked(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    fork = multiprocessing.get_context("fork")
    ready, go_on = fork.Event(), fork.Event()
    child = fork.Process(target=lambda: (ready.set(), go_on.wait(60)))
    child.start()
    assert ready.wait(60)
    store.close()
    Store(str(tmp_path / "journal")).close()
    go_on.set()
    child.join(60)


def test_a_journal_that_another_process_uses_is_not_checked(tmp_path: Path) -> None:
    """While a process opens or closes a journal, its files look damaged, or like those of another program."""
    path = filled(tmp_path / "journal", 3)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA application_id = 0")
    connection.close()
    with pytest.raises(LaunchError, match="another program"):
        kept(path)
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert len(kept(path)) == 3


def test_a_file_that_is_cut_anywhere_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal", 40)
    whole = path.read_bytes()
    for size in [1, 15, 16, 50, 99, 100, 4095, *range(4096, len(whole), 4093)]:
        path.write_bytes(whole[:size])
        with pytest.raises(LaunchError, match="it is damaged"):
            Store(str(path))
        with pytest.raises(LaunchError, match="it is damaged"):
            kept(path)
        assert path.read_bytes() == whole[:size]


@pytest.mark.skipif(not hasattr(__import__("time"), "CLOCK_BOOTTIME"), reason="the age of the index is not known")
def test_a_log_that_is_cut_anywhere_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "journal"))
    for number in range(10):
        store.write(attrs.evolve(ENTRY, key=number.to_bytes(16, "big")))
    path = as_after_a_kill(tmp_path / "journal", tmp_path / "copy")
    store.close()
    log = path.with_name("journal-wal")
    whole = log.read_bytes()
    for size in [0, 1, 31, 32, 100, *range(4100, len(whole), 5003), len(whole) - 1]:
        log.write_bytes(whole[:size])
        with pytest.raises(LaunchError, match="it is damaged"):
            Store(str(path))
        assert log.read_bytes() == whole[:size]
    log.write_bytes(whole)
    assert len(kept(path)) == 10


def test_a_page_that_was_overwritten_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal", 200)
    whole = bytearray(path.read_bytes())
    whole[-4096:] = bytes(4096)
    path.write_bytes(whole)
    with pytest.raises(LaunchError, match="it is damaged"):
        Store(str(path))


def test_what_is_no_journal_is_refused_by_its_kind(tmp_path: Path) -> None:
    text, other, pipe = tmp_path / "text", tmp_path / "other", tmp_path / "pipe"
    text.write_text("no journal" * 100)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    os.mkfifo(pipe)
    for path, message in [
        (text, "is not a journal of launchpad"),
        (other, "another program's SQLite file"),
        (pipe, "not a regular file"),
        (tmp_path, "Is a directory"),
        (tmp_path / "none" / "journal", "No such file or directory"),
    ]:
        with pytest.raises(LaunchError, match=message):
            Store(str(path))


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(LaunchError, match="a later version of launchpad has written it"):
        Store(str(path))


def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    assert kept(path) == []
    Store(str(path)).close()
    assert kept(path) == []


def test_a_file_without_tables_is_a_new_journal(tmp_path: Path) -> None:
    """As after a kill while the tables were made."""
    path = tmp_path / "journal"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert kept(path) == []
    Store(str(path)).close()
    assert kept(path) == []


FULL_DISK = """
import resource, signal, sys
from launchpad.errors import LaunchError
from launchpad.journal.store import Store
from tests.journal.helping import SUCCESS
from tests.journal.test_store import ENTRY
store = Store(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
for write in (lambda: store.write(ENTRY), lambda: store.note(ENTRY.ended(SUCCESS)), store.close):
    try:
        write()
    except LaunchError as error:
        print(error)
"""


def test_on_a_full_disk_each_write_is_an_error_and_nothing_is_lost(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal")
    before = kept(path)
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    first, last = result.stdout.splitlines()
    assert "make room" in first
    assert "the ends of 1 runs could not be written" in last
    assert kept(path) == before
