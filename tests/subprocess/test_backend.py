"""`SubprocessBackend`: runs of other processes, handles, reaping, and a shortage of descriptors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from launchpad import Handle, LaunchError, Reason, Run, RunNotAvailable, RunNotFound, SubprocessLauncher
from launchpad.core.backend import Unit
from launchpad.core.cancellation import StopToken
from launchpad.subprocess.backend import Pipes, SubprocessBackend, default_unit_factory
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.proctable import look_up
from launchpad.subprocess.unit import open_pidfd_unit
from launchpad.subprocess.unit_threaded import ThreadedUnit
from tests.helping import channels, children, opened_since
from tests.subprocess.helping import (
    TIMEOUT,
    launcher_of,
    limited_to,
    no_descriptors,
    pid_of,
    run_python,
    wait_until_ended,
)


def test_the_next_start_reaps_children_that_were_not_waited_for_and_keeps_their_results() -> None:
    launcher = launcher_of(open_pidfd_unit, stream_output=False)
    handles = [launcher.start(Run(command=["true"])) for _ in range(5)]
    for handle in handles:
        wait_until_ended(pid_of(handle))
    assert launcher.submit(Run(command=["true"]))
    assert [handle for handle in handles if look_up(pid_of(handle))] == []
    assert [launcher.wait(handle).exit_code for handle in handles] == [0] * 5


def test_a_running_run_cannot_be_removed(quiet: SubprocessLauncher) -> None:
    handle = quiet.start(Run(command=["sleep", "60"]))
    with pytest.raises(LaunchError, match="still running"):
        quiet.remove(handle)
    quiet.stop(handle)
    quiet.remove(handle)
    quiet.remove(handle)


FIND_THEN_WAIT = """
import json, sys
from launchpad import Handle, SubprocessLauncher
launcher, handle = SubprocessLauncher(), Handle(**json.loads(sys.argv[1]))
try:
    launcher.wait(handle, 0)
except TimeoutError:
    print("found", flush=True)
outcome = launcher.wait(handle)
print(outcome.ok, outcome.exit_code, outcome.reason)
"""


def test_another_process_cannot_know_the_exit_status_of_a_child_of_this_one(fifo: Path) -> None:
    quiet = launcher_of(open_pidfd_unit, stream_output=False)
    handle = quiet.start(Run(command=["sh", "-c", f"read line < {fifo}"]))
    command = [sys.executable, "-c", FIND_THEN_WAIT, json.dumps(attrs.asdict(handle))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == "found\n"
        fifo.write_text("go\n")
        assert waiter.communicate(timeout=TIMEOUT)[0] == "False None unknown\n"
    assert quiet.wait(handle).ok
    quiet.remove(handle)


STARTER = """
import json, attrs
from launchpad import Run, SubprocessLauncher
run = Run(command=["sleep", "60"])
print(json.dumps(attrs.asdict(SubprocessLauncher(stream_output=False).start(run))))
"""


def test_a_started_run_outlives_its_starter_and_can_be_stopped(quiet: SubprocessLauncher) -> None:
    starter = run_python(STARTER)
    assert starter.stderr == ""
    handle = Handle(**json.loads(starter.stdout))
    with pytest.raises(TimeoutError):
        quiet.wait(handle, 0.05)
    quiet.stop(handle)
    outcome = quiet.wait(handle)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, -15, Reason.STOPPED)
    quiet.remove(handle)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process that launchpad has not started."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def test_a_process_that_reuses_the_pid_of_a_run_is_not_touched(bystander: subprocess.Popen[bytes]) -> None:
    launcher = SubprocessLauncher()
    handle = Handle("subprocess", f"{bystander.pid}@1", "old", os.uname().nodename, "id")
    with pytest.raises(RunNotFound, match="gone"):
        launcher.wait(handle)
    launcher.stop(handle)
    launcher.remove(handle)
    assert bystander.poll() is None


def test_a_handle_of_another_host_is_not_available_here() -> None:
    handle = Handle("subprocess", "1@1", "far", "elsewhere.example", "id")
    for ask in (SubprocessLauncher().wait, SubprocessLauncher().stop, SubprocessLauncher().remove):
        with pytest.raises(RunNotAvailable, match=r"elsewhere\.example"):
            ask(handle)


@pytest.mark.parametrize("handle_id", ["", "12", "x@1", "@1", "1@", "²@1"])
def test_a_malformed_handle_id_is_a_launch_error(handle_id: str) -> None:
    with pytest.raises(LaunchError, match="pid@start time"):
        SubprocessLauncher().wait(Handle("subprocess", handle_id, "odd", os.uname().nodename, "id"))


def test_a_start_without_descriptors_for_its_pipes_is_an_error_and_leaks_none(quiet: SubprocessLauncher) -> None:
    before = {*channels()}
    free = os.dup(0)
    os.close(free)
    with limited_to(free + 2), pytest.raises(LaunchError, match="ulimit -n"):
        quiet.launch(Run(command=["true"]), on_output=lambda _, line: None)
    assert not opened_since(before)


def test_a_start_without_descriptors_for_its_unit_is_an_error_and_leaves_no_process() -> None:
    def factory(process: LocalProcess, handle: Handle, pipes: Pipes) -> Unit:
        with no_descriptors():
            return open_pidfd_unit(process, handle, pipes)

    run, before = Run(command=["sleep", "60"]), ({*channels()}, {*children()})
    spec = SubprocessLauncher().spec(run, "sleep")
    with pytest.raises(LaunchError, match="ulimit -n"):
        SubprocessBackend(factory).start(spec, "sleep", run, output=True, stop_token=StopToken())
    assert (opened_since(before[0]), {*children()} - before[1]) == (set(), set())


def test_a_run_that_cannot_be_looked_up_without_descriptors_is_not_reported_as_gone(quiet: SubprocessLauncher) -> None:
    handle, backend = quiet.start(Run(command=["sleep", "60"])), SubprocessBackend()
    with no_descriptors(), pytest.raises(LaunchError, match="ulimit -n"):
        backend.find(handle, output=False)
    quiet.stop(handle)
    assert quiet.wait(handle).reason is Reason.STOPPED


def test_a_shortage_of_descriptors_is_not_taken_for_a_system_without_pidfd() -> None:
    assert default_unit_factory() is not ThreadedUnit
    with no_descriptors():
        assert default_unit_factory() is not ThreadedUnit


IGNORES_SIGCHLD = """
import signal, sys
from launchpad import Run, SubprocessLauncher
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
streamed = sys.argv[1] == "streamed"
outcome = SubprocessLauncher(stream_output=streamed).launch(Run(command=["sh", "-c", "exit 3"]))
print(outcome.ok, outcome.exit_code, outcome.reason, outcome.hint)
"""


@pytest.mark.parametrize("output", ["streamed", "quiet"])
def test_a_run_whose_exit_status_the_system_discards_is_no_success_and_hints_at_sigchld(output: str) -> None:
    script = run_python(IGNORES_SIGCHLD, output)
    if script.returncode:  # the process was gone before it could be followed
        assert script.stderr.splitlines()[-1].startswith("launchpad.errors.LaunchError: Run 'sh' ended")
    else:
        assert script.stdout.startswith("False None unknown ")
    assert "SIGCHLD is ignored" in script.stdout + script.stderr
