"""The end of a local run comes from its process, and stopping one takes its whole group along."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launchpad import Handle, LaunchError, Reason, Run, RunNotAvailable, RunNotFound, SubprocessLauncher
from launchpad.subprocess.backend import default_unit_factory
from launchpad.subprocess.proctable import look_up
from launchpad.subprocess.unit import open_pidfd_unit
from launchpad.subprocess.unit_threaded import ThreadedUnit
from tests.subprocess.helping import is_running, launcher_of

PATIENCE = 20.0


def await_line(path: Path) -> str:
    """The line that a run writes to `path`, a FIFO: reading it waits for the writer."""
    with path.open() as fifo:
        return fifo.readline().strip()


FOLLOWS = {"cheapest": default_unit_factory(), "pidfd": open_pidfd_unit, "threads": ThreadedUnit}


@pytest.fixture(params=FOLLOWS.values(), ids=FOLLOWS)
def make(request: pytest.FixtureRequest) -> Callable[..., SubprocessLauncher]:
    return lambda **settings: launcher_of(request.param, **settings)


def test_a_grandchild_that_keeps_the_pipe_open_does_not_delay_the_end(make) -> None:
    lines: list[str] = []
    began = time.monotonic()
    run = Run(command=["sh", "-c", "sleep 30 & echo $!; exit 3"])
    outcome = make().launch(run, on_output=lambda _, line: lines.append(line))
    assert outcome.exit_code == 3
    assert time.monotonic() - began < PATIENCE
    os.kill(int(lines[0]), signal.SIGKILL)  # it was still there: a normal end leaves grandchildren alone


def test_a_grandchild_that_never_stops_writing_does_not_delay_the_end(make) -> None:
    lines: list[str] = []
    script = "sh -c 'echo $$ >&2; while :; do echo more; done' & exec sleep 0.1"
    outcome = make().launch(Run(command=["sh", "-c", script]), on_output=lambda _, line: lines.append(line))
    assert outcome.ok
    pid = next(line for line in lines if line != "more")
    wait_until_ended(int(pid))  # the pipe it writes to is closed


def wait_until_ended(pid: int) -> None:
    """Waits for the end of any process, be it reaped or not."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ready, _, _ = select.select([pidfd], [], [], PATIENCE)
    os.close(pidfd)
    assert ready, f"process {pid} goes on"


def test_stopping_asks_politely_first(make, fifo: Path) -> None:
    launcher = make(grace=PATIENCE)
    lines: list[str] = []
    script = f"trap 'echo bye; exit 5' TERM; echo up > {fifo}; while :; do sleep 0.05; done"
    handle = launcher.start(Run(command=["sh", "-c", script]))
    assert await_line(fifo) == "up"
    stopper = threading.Thread(target=launcher.stop, args=(handle,))
    stopper.start()
    outcome = launcher.wait(handle, on_output=lambda _, line: lines.append(line))
    stopper.join()
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 5, Reason.STOPPED)
    launcher.remove(handle)


def test_a_run_that_ignores_the_request_is_killed_after_grace(make, fifo: Path) -> None:
    launcher = make(grace=0.2, stream_output=False)
    handle = launcher.start(Run(command=["sh", "-c", f"trap '' TERM; echo up > {fifo}; sleep 60"]))
    await_line(fifo)
    launcher.stop(handle)
    outcome = launcher.wait(handle)
    assert (outcome.exit_code, outcome.reason) == (-signal.SIGKILL, Reason.STOPPED)
    launcher.remove(handle)


def test_grandchildren_are_stopped_also_where_the_leader_dies_first(make, fifo: Path) -> None:
    launcher = make(grace=0.3, stream_output=False)
    stubborn = f"trap '' TERM; echo $$ > {fifo}; while :; do sleep 0.05; done"
    handle = launcher.start(Run(command=["sh", "-c", f'sh -c "{stubborn.replace("$", chr(92) + "$")}" & wait']))
    grandchild = int(await_line(fifo))
    launcher.stop(handle)
    assert not is_running(grandchild)
    assert launcher.wait(handle).exit_code == -signal.SIGTERM
    launcher.remove(handle)


def test_a_grandchild_that_obeys_is_waited_for_without_killing(make, fifo: Path, tmp_path: Path) -> None:
    launcher = make(grace=PATIENCE, stream_output=False)
    slow = tmp_path / "slow.sh"
    slow.write_text(
        f"trap 'sleep 0.3; echo done > {tmp_path}/result; exit' TERM\necho up > {fifo}\nwhile :; do sleep 0.05; done\n"
    )
    handle = launcher.start(Run(command=["sh", "-c", f"sh {slow} & wait"]))
    await_line(fifo)
    launcher.stop(handle)
    assert (tmp_path / "result").read_text() == "done\n"
    launcher.remove(handle)


def test_a_time_out_stops_the_run_and_is_the_reason(make) -> None:
    launcher = make(grace=0.1, stream_output=False)
    outcome = launcher.launch(Run(command=["sleep", "60"], timeout=0.1))
    assert (outcome.ok, outcome.reason) == (False, Reason.TIMED_OUT)
    assert "0.1 s" in outcome.message


def test_a_time_out_counts_from_the_start_also_when_nobody_waited(make) -> None:
    launcher = make(grace=0.1, stream_output=False)
    handle = launcher.start(Run(command=["sleep", "60"], timeout=0.05))
    assert launcher.wait(handle, PATIENCE).reason is Reason.TIMED_OUT
    launcher.remove(handle)


def test_exit_status_zero_after_a_stop_is_no_success(make, fifo: Path) -> None:
    launcher = make(stream_output=False)
    handle = launcher.start(
        Run(command=["sh", "-c", f"trap 'exit 0' TERM; echo up > {fifo}; while :; do sleep 0.05; done"])
    )
    await_line(fifo)
    launcher.stop(handle)
    outcome = launcher.wait(handle)
    assert (outcome.ok, outcome.exit_code) == (False, 0)
    launcher.remove(handle)


def test_a_run_that_had_ended_before_the_stop_keeps_its_result(make) -> None:
    launcher = make(stream_output=False)
    handle = launcher.start(Run(command=["true"]))
    pid = int(handle.id.partition("@")[0])
    wait_until_ended(pid)
    launcher.stop(handle)
    assert launcher.wait(handle).ok
    launcher.remove(handle)


def test_wait_past_its_time_leaves_the_run_alone(make) -> None:
    launcher = make(grace=0.1, stream_output=False)
    handle = launcher.start(Run(command=["sleep", "60"]))
    with pytest.raises(TimeoutError, match="sleep"):
        launcher.wait(handle, 0.05)
    assert is_running(int(handle.id.partition("@")[0]))
    launcher.stop(handle)
    launcher.remove(handle)


def test_removing_a_running_run_is_refused(make) -> None:
    launcher = make(grace=0.1, stream_output=False)
    handle = launcher.start(Run(command=["sleep", "60"]))
    with pytest.raises(LaunchError, match="still running"):
        launcher.remove(handle)
    launcher.stop(handle)
    launcher.remove(handle)
    launcher.remove(handle)
    assert not is_running(int(handle.id.partition("@")[0]))


def test_children_that_nobody_waits_for_are_reaped_by_the_next_start() -> None:
    launcher = launcher_of(open_pidfd_unit, stream_output=False)
    handles = [launcher.start(Run(command=["true"])) for _ in range(5)]
    pids = [int(handle.id.partition("@")[0]) for handle in handles]
    for pid in pids:
        wait_until_ended(pid)
    assert launcher.submit(Run(command=["true"]))
    assert [pid for pid in pids if look_up(pid)] == []
    assert [launcher.wait(handle).exit_code for handle in handles] == [0] * 5  # and their results are kept


def other_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


WAIT = """
import json, sys
from launchpad import Handle, SubprocessLauncher
print(SubprocessLauncher().{verb}(Handle(**json.loads(sys.argv[1]))))
"""


def as_json(handle: Handle) -> str:
    import attrs

    return json.dumps(attrs.asdict(handle))


def test_another_process_can_stop_a_run() -> None:
    launcher = SubprocessLauncher(grace=5, stream_output=False)
    handle = launcher.start(Run(command=["sleep", "60"]))
    result = other_process(WAIT.format(verb="stop"), as_json(handle))
    assert (result.stdout, result.stderr) == ("None\n", "")
    assert launcher.wait(handle).exit_code == -signal.SIGTERM
    launcher.remove(handle)


def test_another_process_can_wait_but_cannot_know_the_exit_status(fifo: Path) -> None:
    launcher = SubprocessLauncher(stream_output=False)
    handle = launcher.start(Run(command=["sh", "-c", f"read line < {fifo}"]))
    waiter = subprocess.Popen(
        [sys.executable, "-c", FIND_THEN_WAIT, as_json(handle)], stdout=subprocess.PIPE, text=True
    )
    assert waiter.stdout.readline() == "found\n"
    fifo.write_text("go\n")
    assert waiter.communicate(timeout=PATIENCE)[0] == "False None unknown\n"
    assert launcher.wait(handle).ok
    launcher.remove(handle)


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


def test_a_run_outlives_its_starter(tmp_path: Path) -> None:
    code = """
import json, sys, attrs
from launchpad import Run, SubprocessLauncher
run = Run(command=["sleep", "60"])
print(json.dumps(attrs.asdict(SubprocessLauncher(stream_output=False).start(run))))
"""
    result = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", code], capture_output=True, text=True)
    assert result.stderr == ""
    handle = Handle(**json.loads(result.stdout))
    launcher = SubprocessLauncher(grace=1, stream_output=False)
    with pytest.raises(TimeoutError):
        launcher.wait(handle, 0.05)
    launcher.stop(handle)
    outcome = launcher.wait(handle)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, None, Reason.STOPPED)
    launcher.remove(handle)


@pytest.fixture
def bystander() -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_a_process_that_merely_has_the_old_pid_is_not_touched(bystander: subprocess.Popen[bytes]) -> None:
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
def test_a_handle_that_makes_no_sense_is_a_launch_error(handle_id: str) -> None:
    with pytest.raises(LaunchError, match="pid@start time"):
        SubprocessLauncher().wait(Handle("subprocess", handle_id, "odd", os.uname().nodename, "id"))
