"""What a killed script leaves: nothing, but for what its ended runs have left in the background."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from launchpad.subprocess.watchdog import CHECK_INTERVAL, Watchdog
from launchpad.subprocess.watchdog_script import HANDLE_SIZE, RESULT, SLOT_SIZE, remove, result_files, watched_runs
from tests.helping import is_running, until, watchdogs

from .conftest import Script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the watchdog needs pidfd and memfd of Linux")

Start = Callable[[str], Script]

LAUNCH = """
launcher = SubprocessLauncher(grace=0.5)
def launch(command):
    def write(run, line):
        os.write(1, (line + "\\n").encode())  # two processes write, and print may write the newline apart
    launcher.submit(Run(command=["sh", "-c", command]), on_output=write)
"""
ESCAPE = "launch(\"setsid sh -c 'echo $$; sleep 600' & trap '' TERM; echo $$; while :; do sleep 0.1; done\")\n"
"""Launches a run of two processes, which print their pids: one in another session, one that ignores SIGTERM."""


def pids(script: Script, count: int) -> list[int]:
    return [int(script.line()) for _ in range(count)]


def gone(processes: list[int]) -> bool:
    return not any(map(is_running, processes))


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["the process", "its process group"])
def test_what_a_killed_script_has_started_ends(script: Start, kill: Callable[[int, int], None]) -> None:
    started = script(LAUNCH + ESCAPE)
    found = pids(started, 2)
    kill(started.process.pid, signal.SIGKILL)
    until(lambda: gone(found))


def test_the_watchdog_is_no_child_and_ends_with_its_script(script: Start) -> None:
    source = "launch('exit 0')\ntry:\n    os.wait()\nexcept ChildProcessError:\n    print('none', flush=True)\n"
    started = script(LAUNCH + source + "time.sleep(600)")
    assert started.line() == "none"
    found = watchdogs(started.process.pid)
    assert len(found) == 1
    started.process.kill()
    until(lambda: gone(found))


def test_a_watchdog_that_was_killed_is_replaced_and_the_next_one_watches_the_earlier_runs(
    script: Start, tmp_path: Path
) -> None:
    started = script(f"""{LAUNCH}
threading.Thread(target=lambda: {ESCAPE.strip()}).start()
while not os.path.exists("go"):
    time.sleep(0.01)
time.sleep({2 * CHECK_INTERVAL})  # a run that starts sooner after another one does not look for the watchdog
launch("echo launched")
""")
    found = pids(started, 2)
    (watchdog,) = watchdogs(started.process.pid)
    os.kill(watchdog, signal.SIGKILL)
    until(lambda: not is_running(watchdog))
    (tmp_path / "go").touch()
    assert started.line() == "launched"
    (other,) = watchdogs(started.process.pid)
    started.process.kill()
    until(lambda: gone([*found, other]))


def test_the_end_of_a_forked_child_ends_its_own_runs_alone(script: Start) -> None:
    started = script(f"""import warnings; warnings.simplefilter("ignore")
{LAUNCH}
launch("exit 0")
child = os.fork()
if child == 0:
    {ESCAPE}
print("child", child, flush=True)
threading.Thread(target=launch, args=("echo parent $$; exec sleep 600",)).start()
os.wait()
time.sleep(600)
""")
    lines = [started.line().split() for _ in range(4)]
    named = {line[0]: int(line[1]) for line in lines if len(line) == 2}
    found = [int(line[0]) for line in lines if len(line) == 1]
    os.kill(named["child"], signal.SIGKILL)
    until(lambda: gone(found))
    assert is_running(named["parent"])
    started.process.kill()
    until(lambda: gone([named["parent"]]))


def test_what_an_ended_run_has_left_in_the_background_outlives_the_script(script: Start) -> None:
    started = script(
        LAUNCH + "launch('sleep 600 > /dev/null 2>&1 & echo $!')\nprint('over', flush=True)\ntime.sleep(600)"
    )
    (pid,) = pids(started, 1)
    assert started.line() == "over"
    (watchdog,) = watchdogs(started.process.pid)
    started.process.kill()
    until(lambda: not is_running(watchdog))
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


def test_calls_of_a_script_leave_no_file_even_if_it_is_killed(script: Start, tmp_path: Path) -> None:
    started = script("""
import json
os.mkdir("temporary")
os.environ["TMPDIR"] = os.path.abspath("temporary")
launcher = SubprocessLauncher(grace=0.5)
print(launcher.call(json.loads, "[1]"))
for other, text in (launcher, "["), (launcher.replace(working_dir="missing"), "[1]"):
    try:
        other.call(json.loads, text)
    except (RunFailed, LaunchError) as error:
        print(type(error).__name__)
print(os.listdir("temporary"), flush=True)
launcher.submit(Run(entrypoint="signal:pause"))
""")
    assert [started.line() for _ in range(4)] == ["[1]", "RunFailed", "LaunchError", "[]"]
    folder = tmp_path / "temporary"
    until(lambda: list(folder.iterdir()))
    started.process.kill()
    until(lambda: not list(folder.iterdir()))


def test_a_slot_of_the_table_that_is_half_written_stands_for_no_run_and_no_file() -> None:
    whole, torn, new = (b"12@345", b"1.5 id"), (b"\0\0@3", b"\0.5 id"), (b"", b"inf other")
    file, torn_file = (RESULT.encode(), b"/folder/file"), (b"", b"/folder")
    table = os.memfd_create("table")
    for handle, entry in (whole, torn, (b"", b""), new, file, torn_file):
        os.write(table, handle.ljust(HANDLE_SIZE, b"\0") + entry.ljust(SLOT_SIZE - HANDLE_SIZE, b"\0"))
    found, files = [(run.run_id, run.grace, run.process) for run in watched_runs(table)], list(result_files(table))
    os.close(table)
    assert found == [("id", 1.5, (12, "345")), ("other", float("inf"), None)]
    assert files == ["/folder/file"]


def test_the_watchdog_removes_the_file_of_a_result_and_its_folder_if_that_is_empty(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "folder" / "other"
    folder.mkdir()
    (folder / "result").touch()
    other.touch()
    remove(str(folder / "result"))
    assert list(folder.iterdir()) == [other]
    other.unlink()
    remove(str(folder / "result"))
    assert not folder.exists()


def test_what_is_too_long_for_the_table_is_not_watched() -> None:
    table = Watchdog()
    assert (table.expect("x" * SLOT_SIZE, 1.0), table.expect_file("/" * SLOT_SIZE)) == (None, None)
    place = table.expect_file("/folder/file")
    assert place is not None
    assert list(result_files(table._file)) == ["/folder/file"]
    table.forget(place)
    assert list(result_files(table._file)) == []
    table.close()
