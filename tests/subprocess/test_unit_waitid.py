"""Runs without output: their threads sleep until they end, and they are stopped all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path

import pytest

from launchpad import Handle, LaunchExecutor, Outcome, Reason, Run, SubprocessLauncher
from launchpad.core.backend import Exit
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.proctable import group_members, look_up
from launchpad.subprocess.unit_waitid import WaitidUnit, cheapest_unit
from tests.subprocess.helping import descriptors, is_running, limited_to, no_descriptors

PATIENCE = 20.0


def read(fifo: Path) -> str:
    """What a run writes to it: reading waits for the writer."""
    return fifo.read_text().strip()


def cancelled(launcher: SubprocessLauncher, run: Run, when: Callable[[], object]) -> Outcome:
    """The outcome of `run`, cancelled while its worker sleeps, after `when()` has returned."""
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(run)
        when()
        assert future.cancel()
        wait([future], PATIENCE)
        assert future.cancelled()
        assert future.outcome is not None
        return future.outcome


@contextmanager
def unit_of(*command: str) -> Iterator[tuple[WaitidUnit, LocalProcess]]:
    child = subprocess.Popen(command, start_new_session=True)
    entry = look_up(child.pid)
    assert entry is not None
    process = LocalProcess(child.pid, entry.started, is_child=True)
    unit = cheapest_unit(process, Handle("subprocess", "1", "job", "here", "id"), {})
    assert isinstance(unit, WaitidUnit)
    try:
        yield unit, process
    finally:
        unit.kill()
        child.wait()
        unit.close()


def test_it_holds_no_descriptor() -> None:
    before = descriptors()
    with unit_of("sleep", "60"):
        assert descriptors() == before


def test_a_sleeping_worker_has_its_run_asked_to_stop_first(fifo: Path) -> None:
    script = f"trap 'exit 5' TERM; echo up > {fifo}; while :; do sleep 0.05; done"
    launcher = SubprocessLauncher(stream_output=False, grace=PATIENCE)
    outcome = cancelled(launcher, Run(command=["sh", "-c", script]), lambda: read(fifo))
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 5, Reason.STOPPED)


def test_a_sleeping_worker_has_its_run_killed_after_the_grace(fifo: Path) -> None:
    script = f"trap '' TERM; echo up > {fifo}; sleep 60"
    launcher = SubprocessLauncher(stream_output=False, grace=0.1)
    outcome = cancelled(launcher, Run(command=["sh", "-c", script]), lambda: read(fifo))
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGKILL, Reason.STOPPED)


def test_a_grandchild_that_does_not_listen_is_killed_after_the_leader_has_obeyed(fifo: Path) -> None:
    script = f"(trap '' TERM; exec sh -c 'echo $$ > {fifo}; exec sleep 60') & wait"
    launcher, pids = SubprocessLauncher(stream_output=False, grace=0.1), []
    outcome = cancelled(launcher, Run(command=["sh", "-c", script]), lambda: pids.append(int(read(fifo))))
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGTERM, Reason.STOPPED)
    assert not is_running(*pids)


def test_a_worker_learns_of_an_end_by_itself(tmp_path: Path) -> None:
    fifos = [tmp_path / str(code) for code in range(3)]
    for path in fifos:
        os.mkfifo(path)
    with LaunchExecutor(SubprocessLauncher(stream_output=False), 3) as executor:
        runs = [Run(command=["sh", "-c", f"read line < {path}; exit {path.name}"]) for path in fifos]
        futures = executor.launch_all(runs)
        for path in fifos:
            path.write_text("go\n")
        assert [future.result(PATIENCE) for future in futures] == [True, False, False]
        assert [future.outcome.exit_code for future in futures if future.outcome] == [0, 1, 2]


def test_a_time_out_stops_it(fifo: Path) -> None:
    launcher = SubprocessLauncher(stream_output=False, grace=0.1)
    outcome = launcher.launch(Run(command=["sh", "-c", "trap '' TERM; sleep 60"], timeout=0.2))
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGKILL, Reason.TIMED_OUT)


def test_a_wait_that_is_limited_needs_no_descriptors_where_there_are_none() -> None:
    launcher = SubprocessLauncher(stream_output=False, grace=PATIENCE)
    handle = launcher.start(Run(command=["sleep", "60"]))
    with no_descriptors():
        with pytest.raises(TimeoutError):
            launcher.wait(handle, 0.05)
        assert f"launchpad-{handle.id.partition('@')[0]}" in {thread.name for thread in threading.enumerate()}
        launcher.stop(handle)
    assert launcher.wait(handle).reason is Reason.STOPPED
    launcher.remove(handle)


def test_a_group_that_cannot_be_looked_for_is_waited_for(fifo: Path) -> None:
    script = f"(trap '' TERM; exec sh -c 'echo $$ > {fifo}; exec sleep 60') & wait"
    with unit_of("sh", "-c", script) as (unit, process):
        grandchild = int(read(fifo))
        free = os.dup(0)
        os.close(free)
        unit.terminate(PATIENCE)
        with limited_to(free + 1):  # for the wake-up; none is left to read the process table with
            assert unit.poll(None) == []
        assert is_running(grandchild)
        unit.kill()
        while not (events := unit.poll(PATIENCE)):
            pass
        assert [event.exit_code for event in events if isinstance(event, Exit)] == [-signal.SIGTERM]
        assert not is_running(grandchild)
        assert process.reap()


def test_it_is_woken_from_a_poll_that_is_limited() -> None:
    with unit_of("sleep", "60") as (unit, _):
        assert unit.poll(0.01) == []
        polled = threading.Thread(target=unit.poll, args=(PATIENCE * 3,))
        polled.start()
        assert unit.wake()
        polled.join(PATIENCE)
        assert not polled.is_alive()


@pytest.mark.parametrize("timeout", [None, PATIENCE])
def test_a_wake_before_a_poll_ends_that_poll(timeout: float | None) -> None:
    with unit_of("sleep", "60") as (unit, _):
        assert unit.wake()
        assert unit.poll(timeout) == []


def test_a_poll_that_cannot_be_woken_says_so() -> None:
    with unit_of("sleep", "60") as (unit, process):
        events: list[Exit] = []
        polled = threading.Thread(target=lambda: events.extend(unit.poll(None)))  # type: ignore[arg-type]
        polled.start()
        while unit.wake():
            polled.join(0.001)
            if not polled.is_alive():  # it was woken before it slept
                polled = threading.Thread(target=lambda: events.extend(unit.poll(None)))  # type: ignore[arg-type]
                polled.start()
        assert not unit.has_ended()
        unit.terminate(PATIENCE)
        polled.join(PATIENCE)
        assert [event.exit_code for event in events or unit.poll(PATIENCE)] == [-signal.SIGTERM]
        assert process.reap()


def test_what_may_not_be_signalled_is_polled_so_that_the_poll_can_be_woken() -> None:
    class Foreign(LocalProcess):
        def may_be_signalled(self) -> bool:
            return False

    with unit_of("sleep", "60") as (_, ours):
        foreign = Foreign(ours.pid, ours.started, is_child=True)
        unit = WaitidUnit(foreign, Handle("subprocess", "1", "job", "here", "id"))
        polled = threading.Thread(target=unit.poll, args=(None,))
        polled.start()
        assert unit.wake()
        polled.join(PATIENCE)
        assert not polled.is_alive()
        unit.close()


def test_what_ended_by_itself_is_not_signalled_afterwards(fifo: Path) -> None:
    with unit_of("sh", "-c", f"(read line < {fifo}) & exit 3") as (unit, process):
        (end,) = unit.poll(None)
        assert isinstance(end, Exit)
        assert end.exit_code == 3
        unit.terminate(0)
        assert group_members(process.pid)  # whom it left behind is its own affair
        fifo.write_text("go\n")


LIMITED = """
import resource, signal, sys
from concurrent.futures import wait
from launchpad import LaunchExecutor, Run, SubprocessLauncher
with LaunchExecutor(SubprocessLauncher(stream_output=False, grace=0.1), 4) as executor:
    futures = executor.launch_all(Run(command=["sleep", "60"]) for _ in range(4))
    for future in futures:
        future.wait_started()
    resource.setrlimit(resource.RLIMIT_AS, (1, resource.getrlimit(resource.RLIMIT_AS)[1]))  # no thread's stack fits
    print([future.cancel() for future in futures])
    wait(futures)
    print([future.cancelled() for future in futures])
"""


def test_where_there_is_no_room_for_a_thread_runs_are_stopped_all_the_same() -> None:
    told = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=60)
    assert told.stdout.splitlines() == [str([True] * 4)] * 2, told.stderr


SETUID = """
import ctypes, os, shutil, tempfile
from launchpad import Run, SubprocessLauncher
from launchpad.subprocess.process import LocalProcess
launcher = SubprocessLauncher(stream_output=False)
launcher.stop(launcher.start(Run(command=["sleep", "60"])))  # all that is imported on first use, it can read now
with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    program = shutil.copy("/bin/sleep", folder)
    os.chmod(program, 0o4755)
    os.setresuid(65534, 65534, 0)
    ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: as every process is that has not changed its user
    for name in ("/bin/sleep", program):
        handle = launcher.start(Run(command=[name, "60"], working_dir="/"))
        pid, _, started = handle.id.partition("@")
        print(LocalProcess(int(pid), started, is_child=True).may_be_signalled())
        launcher.stop(handle)
    os.seteuid(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program that takes another user")
def test_a_program_that_takes_another_user_is_one_that_may_not_be_signalled() -> None:
    told = subprocess.run([sys.executable, "-c", SETUID], capture_output=True, text=True, timeout=60)
    assert told.stdout.splitlines() == ["True", "False"], told.stderr


IGNORED = """
import os, signal, sys
from launchpad import Run, SubprocessLauncher
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
streamed = sys.argv[1] == "streamed"
outcome = SubprocessLauncher(stream_output=streamed).launch(Run(command=["sh", "-c", "exit 3"]))
print(outcome.ok, outcome.exit_code, outcome.reason, outcome.hint)
"""


@pytest.mark.parametrize("output", ["streamed", "quiet"])
def test_where_the_system_keeps_exit_statuses_a_run_is_no_success_and_is_told_why(output: str) -> None:
    told = subprocess.run([sys.executable, "-c", IGNORED, output], capture_output=True, text=True, timeout=60)
    if told.returncode:  # it was gone before it could be followed
        assert told.stderr.splitlines()[-1].startswith("launchpad.errors.LaunchError: Run 'sh' ended")
    else:
        assert told.stdout.startswith("False None unknown ")
    assert "SIGCHLD is ignored" in told.stdout + told.stderr
