"""Ctrl-C, SIGTERM and exit statuses of scripts."""

from __future__ import annotations

import signal
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from launchpad import stop_on_sigterm
from tests.helping import interrupted

from .conftest import Script, is_run_active

Start = Callable[[str], Script]

OBEDIENT = "exec 2>/dev/null; trap 'echo stopped; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
STUBBORN = "exec 2>/dev/null; trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done"

WAITS = {
    "submit": "SubprocessLauncher(grace=50).submit(run, on_start=lambda handle: print(handle.id, flush=True))",
    "executor": """
with LaunchExecutor(SubprocessLauncher(grace=50), 1) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True))
""",
    "result": """
with LaunchExecutor(SubprocessLauncher(grace=50), 1) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True)).result()
""",
}
"""Scripts whose main thread waits for a run in different functions."""

each_wait = pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)


def started(start: Start, wait: str, command: str, sigterm: bool = False) -> tuple[Script, str]:
    """A script whose run is ready, and the id in the run's handle."""
    block = "with launchpad.stop_on_sigterm():" if sigterm else "if True:"
    script = start(f"run = Run(command=['sh', '-c', {command!r}])\n{block}\n{textwrap.indent(wait, '    ')}")
    identifier = script.line()
    assert script.line() == "ready"
    return script, identifier


@each_wait
def test_ctrl_c_sends_the_run_sigterm(script: Start, wait: str) -> None:
    running, identifier = started(script, wait, OBEDIENT)
    with interrupted(running.process.pid, lambda: is_run_active(identifier)):
        status, output, errors = running.end()
    assert (status, output) == (-signal.SIGINT, "stopped\n")
    assert errors.endswith("KeyboardInterrupt\n")
    assert not is_run_active(identifier)


@each_wait
def test_a_second_ctrl_c_kills_the_run(script: Start, wait: str) -> None:
    running, identifier = started(script, wait, STUBBORN)
    with interrupted(running.process.pid):
        assert running.line() == "asked"
    with interrupted(running.process.pid, lambda: is_run_active(identifier)):
        assert running.end()[0] == -signal.SIGINT
    assert not is_run_active(identifier)


@each_wait
def test_sigterm_stops_the_run_inside_stop_on_sigterm(script: Start, wait: str) -> None:
    running, identifier = started(script, wait, OBEDIENT, sigterm=True)
    with interrupted(running.process.pid, lambda: is_run_active(identifier), signal.SIGTERM):
        assert running.end() == (143, "stopped\n", "")
    assert not is_run_active(identifier)


@each_wait
def test_a_second_sigterm_inside_stop_on_sigterm_kills_the_run(script: Start, wait: str) -> None:
    running, identifier = started(script, wait, STUBBORN, sigterm=True)
    with interrupted(running.process.pid, number=signal.SIGTERM):
        assert running.line() == "asked"
    with interrupted(running.process.pid, lambda: is_run_active(identifier), signal.SIGTERM):
        assert running.end()[0] == 143
    assert not is_run_active(identifier)


def test_queued_runs_are_not_launched_after_ctrl_c(script: Start, tmp_path: Path) -> None:
    wait = """
with LaunchExecutor(SubprocessLauncher(grace=5), max_workers=1) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True))
    executor.launch_all(Run(command=["touch", f"queued-{number}"]) for number in range(20))
"""
    running, identifier = started(script, wait, OBEDIENT)
    with interrupted(running.process.pid, lambda: is_run_active(identifier)):
        assert running.end()[0] == -signal.SIGINT
    assert list(tmp_path.glob("queued-*")) == []


def test_stop_on_sigterm_restores_the_previous_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
        with pytest.raises(SystemExit) as raised:
            signal.raise_signal(signal.SIGTERM)
    assert raised.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_stop_on_sigterm_outside_the_main_thread_is_an_error() -> None:
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            stop_on_sigterm().__enter__()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert "main thread alone" in str(errors[0])


@pytest.mark.parametrize(("code", "status"), [(0, 0), (3, 1)])
def test_a_script_can_exit_with_the_result_of_its_run(script: Start, code: int, status: int) -> None:
    source = f"sys.exit(not SubprocessLauncher().submit(Run(command=['sh', '-c', 'exit {code}'])))"
    assert script(source).end() == (status, "", "")


def test_a_run_that_cannot_be_launched_ends_the_script_with_the_reason(script: Start) -> None:
    status, _, errors = script("SubprocessLauncher().submit(Run(command=['no-such-program']))").end()
    assert status == 1
    assert errors.splitlines()[-1].startswith("launchpad.errors.LaunchError: The program 'no-such-program'")
