"""How runs end when their kernel is interrupted, restarted or killed."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.helping import interrupted, is_running, until, watchdogs

from .notebook import Cell, Notebook

GRACE = 0.5
STUBBORN = "trap '' TERM INT; while :; do sleep 0.1; done"

SUBMIT = "launcher.submit(run, on_start=write_pid)"
SUBMITS = {
    "a submit": SUBMIT,
    "a with block": "with LaunchExecutor(launcher) as executor:\n    executor.submit(run, on_start=write_pid).result()",
    "a loop under a bar": (
        "with LaunchExecutor(launcher) as executor:\n    list(progress([executor.submit(run, on_start=write_pid)]))"
    ),
}


def run_in(pid: Path, script: str, code: str, grace: float = GRACE) -> str:
    """The code of a cell that launches `script`; after the start of the run, the file `pid` holds its pid."""
    command = ["sh", "-c", script]
    return (
        f"launcher, run = SubprocessLauncher(grace={grace}), Run(command={command})\n"
        f"def write_pid(handle):\n    open({str(pid)!r}, 'w').write(handle.id.partition('@')[0] + '\\n')\n{code}"
    )


def start(notebook: Notebook, pid: Path, script: str, code: str, grace: float = GRACE) -> tuple[Cell, int]:
    """Starts `run_in` as a cell; returns the cell and the pid of its run, once it runs."""
    cell = notebook.start(run_in(pid, script, code, grace))
    notebook.until(lambda: cell.over or (pid.exists() and pid.read_text().endswith("\n")))
    assert cell.error == ""
    return cell, int(pid.read_text())


@pytest.mark.parametrize("submit", SUBMITS.values(), ids=SUBMITS)
def test_an_interrupt_stops_the_run_and_returns_the_prompt(shared: Notebook, tmp_path: Path, submit: str) -> None:
    cell, pid = start(shared, tmp_path / "pid", STUBBORN, submit)
    # Not repeated once the run is stopped: IPython drops the error that an interrupt of its traceback replaces.
    with interrupted(shared.kernel.provisioner.pid, lambda: is_running(pid)):
        shared.until(lambda: cell.over)
    assert cell.error == "KeyboardInterrupt: "
    assert not is_running(pid)
    assert shared.run("1 + 1").displays[0]["data"]["text/plain"] == "2"


needs_pidfd = pytest.mark.skipif(
    not (sys.platform == "linux" and hasattr(os, "pidfd_open")), reason="the watchdog needs Linux and pidfd"
)


@needs_pidfd
@pytest.mark.parametrize("submit", SUBMITS.values(), ids=SUBMITS)
def test_a_run_ends_with_a_killed_kernel(notebook: Notebook, tmp_path: Path, submit: str) -> None:
    _, pid = start(notebook, tmp_path / "pid", STUBBORN, submit)
    notebook.kernel.shutdown_kernel(now=True)
    until(lambda: not is_running(pid))


@needs_pidfd
def test_a_run_of_a_killed_kernel_gets_its_grace(notebook: Notebook, tmp_path: Path) -> None:
    # The shell reports its child's end on stderr, which has no reader any more: SIGPIPE would kill it.
    trap = f"trap 'echo asked > {tmp_path}/asked; exit' TERM; touch {tmp_path}/ready"
    polite = f"exec 2> /dev/null; {trap}; while :; do sleep 0.1; done"
    _, pid = start(notebook, tmp_path / "pid", polite, SUBMIT, grace=60)
    until((tmp_path / "ready").exists)
    notebook.kernel.shutdown_kernel(now=True)
    until(lambda: not is_running(pid))
    assert (tmp_path / "asked").read_text() == "asked\n"


@needs_pidfd
def test_a_forked_child_of_the_kernel_does_not_keep_its_runs_alive(notebook: Notebook, tmp_path: Path) -> None:
    fork = "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n" + SUBMIT
    _, pid = start(notebook, tmp_path / "pid", STUBBORN, "launcher.submit(Run(command=['true']))\n" + fork)
    group = os.getpgid(notebook.kernel.provisioner.pid)
    os.kill(notebook.kernel.provisioner.pid, signal.SIGKILL)
    until(lambda: not is_running(pid))
    os.killpg(group, signal.SIGKILL)


@needs_pidfd
def test_a_detached_run_outlives_the_kernel_and_the_watchdog_does_not(notebook: Notebook, tmp_path: Path) -> None:
    code = "launcher.submit(Run(command=['true']))\nwrite_pid(SubprocessLauncher(stream_output=False).start(run))"
    _, pid = start(notebook, tmp_path / "pid", STUBBORN, code)
    (watchdog,) = watchdogs(notebook.kernel.provisioner.pid)
    notebook.kernel.shutdown_kernel(now=True)
    until(lambda: not is_running(watchdog))
    assert is_running(pid)
    os.killpg(pid, signal.SIGKILL)
