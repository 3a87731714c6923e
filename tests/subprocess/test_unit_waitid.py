"""The unit that sleeps in waitid(2): it holds no descriptor, and its run can be stopped while its thread sleeps."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launchpad import Handle, LaunchExecutor, Outcome, Reason, Run, SubprocessLauncher
from launchpad.core.backend import Exit
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.proctable import group_members, look_up
from launchpad.subprocess.sweep import Sweeper
from launchpad.subprocess.unit_waitid import WaitidUnit, cheapest_unit
from tests.helping import all_done, channels, eventually, in_thread, is_running, opened_since
from tests.subprocess.helping import TIMEOUT, launcher_of, limited_to, no_descriptors, pid_of, run_python

STUBBORN_CHILD = "(trap '' TERM; exec sh -c 'echo $$ > {}; exec sleep 60') & wait"
"""A script with a child that ignores SIGTERM and writes its pid to a FIFO."""


def cancel(launcher: SubprocessLauncher, run: Run, ready: Callable[[], object]) -> Outcome:
    """The outcome of `run`, cancelled after `ready()` has returned."""
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(run)
        ready()
        assert future.cancel()
        assert all_done(future, timeout=TIMEOUT)
        assert future.cancelled()
        assert future.outcome is not None
        return future.outcome


class AnnouncedProcess(LocalProcess):
    """Sets an event just before a thread sleeps in waitid."""

    def __init__(self, pid: int, started: str, *, is_child: bool = True) -> None:
        super().__init__(pid, started, "no-run", Sweeper(), is_child=is_child)
        self.asleep = threading.Event()

    def wait(self) -> None:
        self.asleep.set()
        super().wait()


class UnsignallableProcess(AnnouncedProcess):
    """As if it belonged to another user."""

    def may_be_signalled(self) -> bool:
        return False


@contextmanager
def unit_of(
    *command: str, process_class: type[AnnouncedProcess] = AnnouncedProcess
) -> Iterator[tuple[WaitidUnit, AnnouncedProcess]]:
    child = subprocess.Popen(command, start_new_session=True)
    entry = look_up(child.pid)
    assert entry is not None
    process = process_class(child.pid, entry.started)
    unit = WaitidUnit(process, Handle("subprocess", "1", "job", "here", "id"))
    try:
        yield unit, process
    finally:
        unit.kill()
        child.wait()
        unit.close()


def test_a_sleeping_unit_holds_no_descriptor() -> None:
    before = {*channels()}
    with unit_of("sleep", "60") as (unit, process):
        polled = in_thread(unit.poll, None)
        assert process.asleep.wait(TIMEOUT)
        assert not opened_since(before)
        unit.kill()
        assert len(polled.result(TIMEOUT)) == 1


def test_a_cancelled_run_gets_sigterm_first(fifo: Path) -> None:
    script = f"sleep 60 & trap 'exit 5' TERM; echo up > {fifo}; wait"
    launcher = SubprocessLauncher(stream_output=False, grace=TIMEOUT)
    outcome = cancel(launcher, Run(command=["sh", "-c", script]), fifo.read_text)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 5, Reason.STOPPED)


def test_a_cancelled_run_that_ignores_sigterm_is_killed_after_the_grace(fifo: Path, quiet: SubprocessLauncher) -> None:
    script = f"trap '' TERM; echo up > {fifo}; sleep 60"
    outcome = cancel(quiet, Run(command=["sh", "-c", script]), fifo.read_text)
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGKILL, Reason.STOPPED)


def test_a_child_of_a_cancelled_run_that_ignores_sigterm_is_killed_too(fifo: Path, quiet: SubprocessLauncher) -> None:
    pids: list[int] = []
    run = Run(command=["sh", "-c", STUBBORN_CHILD.format(fifo)])
    outcome = cancel(quiet, run, lambda: pids.append(int(fifo.read_text())))
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGTERM, Reason.STOPPED)
    assert not is_running(*pids)


def test_each_of_several_sleeping_workers_gets_the_exit_code_of_its_run(
    tmp_path: Path, quiet: SubprocessLauncher
) -> None:
    fifos = [tmp_path / str(code) for code in range(3)]
    for path in fifos:
        os.mkfifo(path)
    with LaunchExecutor(quiet, 3) as executor:
        runs = [Run(command=["sh", "-c", f"read line < {path}; exit {path.name}"]) for path in fifos]
        futures = executor.launch_all(runs)
        for path in fifos:
            path.write_text("go\n")
        assert [future.result(TIMEOUT) for future in futures] == [True, False, False]
        assert [future.outcome.exit_code for future in futures if future.outcome] == [0, 1, 2]


def test_a_wait_with_a_time_limit_works_without_descriptors() -> None:
    launcher = launcher_of(cheapest_unit, stream_output=False, grace=TIMEOUT)
    handle = launcher.start(Run(command=["sleep", "60"]))
    with no_descriptors():
        with pytest.raises(TimeoutError):
            launcher.wait(handle, 0.05)
        assert f"launchpad-{pid_of(handle)}" in {thread.name for thread in threading.enumerate()}
        launcher.stop(handle)
    assert launcher.wait(handle).reason is Reason.STOPPED
    launcher.remove(handle)


def test_a_group_that_cannot_be_looked_up_without_descriptors_is_waited_for(fifo: Path) -> None:
    with unit_of("sh", "-c", STUBBORN_CHILD.format(fifo)) as (unit, process):
        child = int(fifo.read_text())
        free = os.dup(0)
        os.close(free)
        unit.terminate(TIMEOUT)
        with limited_to(free + 1):  # one for the wake-up, none to read the process table
            assert unit.poll(None) == []
        assert is_running(child)
        unit.kill()
        events = eventually(lambda: unit.poll(TIMEOUT))
        assert [event.exit_code for event in events if isinstance(event, Exit)] == [-signal.SIGTERM]
        assert not is_running(child)
        assert process.reap()


def test_a_wake_ends_a_poll_with_a_time_limit() -> None:
    with unit_of("sleep", "60") as (unit, _):
        assert unit.poll(0.01) == []
        polled = in_thread(unit.poll, 3 * TIMEOUT)
        assert unit.wake()
        assert polled.result(TIMEOUT) == []


@pytest.mark.parametrize("timeout", [None, TIMEOUT])
def test_a_wake_before_a_poll_ends_that_poll(timeout: float | None) -> None:
    with unit_of("sleep", "60") as (unit, _):
        assert unit.wake()
        assert unit.poll(timeout) == []


def test_a_wake_returns_false_while_the_unit_sleeps() -> None:
    with unit_of("sleep", "60") as (unit, process):
        polled = in_thread(unit.poll, None)
        assert process.asleep.wait(TIMEOUT)
        assert not unit.wake()
        assert not unit.has_ended()
        unit.terminate(TIMEOUT)
        assert [event.exit_code for event in polled.result(TIMEOUT)] == [-signal.SIGTERM]  # type: ignore[union-attr]


def test_a_process_that_may_not_be_signalled_is_polled_so_that_a_wake_reaches_it() -> None:
    with unit_of("sleep", "60", process_class=UnsignallableProcess) as (unit, process):
        polled = in_thread(unit.poll, None)
        assert unit.wake()
        assert polled.result(TIMEOUT) == []
        assert not process.asleep.is_set()


def test_children_that_outlive_their_process_are_not_signalled_after_its_end(fifo: Path) -> None:
    with unit_of("sh", "-c", f"(read line < {fifo}) & exit 3") as (unit, process):
        (end,) = unit.poll(None)
        assert isinstance(end, Exit)
        assert end.exit_code == 3
        assert not unit.terminate(0)
        assert group_members(process.pid)
        fifo.write_text("go\n")


NO_ROOM_FOR_A_THREAD = """
import resource
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


def test_runs_are_cancelled_even_if_no_thread_can_be_started() -> None:
    script = run_python(NO_ROOM_FOR_A_THREAD)
    assert script.stdout.splitlines() == [str([True] * 4)] * 2, script.stderr


SETUID = """
import ctypes, os, shutil, tempfile
from launchpad import Run
from launchpad.subprocess.backend import default_unit_factory
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.sweep import Sweeper
from tests.subprocess.helping import launcher_of
launcher = launcher_of(default_unit_factory(), stream_output=False)
launcher.stop(launcher.start(Run(command=["sleep", "60"])))  # imports all modules, while it may read them
with tempfile.TemporaryDirectory() as folder:
    os.chmod(folder, 0o755)
    program = shutil.copy("/bin/sleep", folder)
    os.chmod(program, 0o4755)
    os.setresuid(65534, 65534, 0)
    ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE: as for a process that has not changed its user
    for name in ("/bin/sleep", program):
        handle = launcher.start(Run(command=[name, "60"], working_dir="/"))
        pid, _, started = handle.id.partition("@")
        print(LocalProcess(int(pid), started, handle.run_id, Sweeper(), is_child=True).may_be_signalled())
        launcher.stop(handle)
    os.seteuid(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can install a setuid program of another user")
def test_a_setuid_program_of_another_user_may_not_be_signalled() -> None:
    script = run_python(SETUID)
    assert script.stdout.splitlines() == ["True", "False"], script.stderr
