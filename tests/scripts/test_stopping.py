"""Ctrl-C, SIGTERM and exit statuses, in scripts that run."""

from __future__ import annotations

import signal
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from launchpad import stop_on_sigterm

from .conftest import Script, runs

Start = Callable[[str], Script]

POLITE = "exec 2>/dev/null; trap 'echo polite; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
STUBBORN = "exec 2>/dev/null; trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done"

HOSTS = {
    "submit": "SubprocessLauncher(grace=50).submit(run, on_start=lambda handle: print(handle.id, flush=True))",
    "executor": """
with LaunchExecutor(SubprocessLauncher(grace=50)) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True))
""",
    "result": """
with LaunchExecutor(SubprocessLauncher(grace=50)) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True)).result()
""",
}
"""Where a script's main thread is while a run is on."""

each_host = pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)


def started(start: Start, host: str, command: str, sigterm: bool = False) -> tuple[Script, str]:
    """A script with one run, which has said that it is ready, and the run's identifier."""
    block = "with launchpad.stop_on_sigterm():" if sigterm else "if True:"
    script = start(f"run = Run(command=['sh', '-c', {command!r}])\n{block}\n{textwrap.indent(host, '    ')}")
    identifier = script.line()
    assert script.line() == "ready"
    return script, identifier


@each_host
def test_ctrl_c_stops_the_run_politely(script: Start, host: str) -> None:
    running, identifier = started(script, host, POLITE)
    running.signal(signal.SIGINT)
    status, output, errors = running.end()
    assert (status, output) == (-signal.SIGINT, "polite\n")
    assert errors.endswith("KeyboardInterrupt\n")
    assert not runs(identifier)


@each_host
def test_a_second_ctrl_c_kills_the_run(script: Start, host: str) -> None:
    running, identifier = started(script, host, STUBBORN)
    running.signal(signal.SIGINT)
    assert running.line() == "asked"
    running.signal(signal.SIGINT)
    assert running.end()[0] == -signal.SIGINT
    assert not runs(identifier)


@each_host
def test_sigterm_stops_the_run_where_the_script_asks_for_it(script: Start, host: str) -> None:
    running, identifier = started(script, host, POLITE, sigterm=True)
    running.signal(signal.SIGTERM)
    assert running.end() == (143, "polite\n", "")
    assert not runs(identifier)


@each_host
def test_a_second_sigterm_kills_the_run(script: Start, host: str) -> None:
    running, identifier = started(script, host, STUBBORN, sigterm=True)
    running.signal(signal.SIGTERM)
    assert running.line() == "asked"
    running.signal(signal.SIGTERM)
    assert running.end()[0] == 143
    assert not runs(identifier)


def test_what_is_queued_is_not_launched_after_ctrl_c(script: Start, tmp_path: Path) -> None:
    host = """
with LaunchExecutor(SubprocessLauncher(grace=5), max_workers=1) as executor:
    executor.submit(run, on_start=lambda handle: print(handle.id, flush=True))
    executor.launch_all(Run(command=["touch", f"queued-{number}"]) for number in range(20))
"""
    running, _ = started(script, host, POLITE)
    running.signal(signal.SIGINT)
    assert running.end()[0] == -signal.SIGINT
    assert list(tmp_path.glob("queued-*")) == []


def test_the_handler_that_was_there_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
        with pytest.raises(SystemExit) as raised:
            signal.raise_signal(signal.SIGTERM)
    assert raised.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_stop_on_sigterm_off_the_main_thread_is_an_error_that_says_what_to_do() -> None:
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
def test_a_script_can_exit_with_what_came_of_its_runs(script: Start, code: int, status: int) -> None:
    source = f"sys.exit(not SubprocessLauncher().submit(Run(command=['sh', '-c', 'exit {code}'])))"
    assert script(source).end() == (status, "", "")


def test_a_run_that_cannot_be_launched_ends_a_script_with_an_error_that_says_why(script: Start) -> None:
    status, _, errors = script("SubprocessLauncher().submit(Run(command=['no-such-program']))").end()
    assert status == 1
    assert errors.splitlines()[-1].startswith("launchpad.errors.LaunchError: The program 'no-such-program'")
