"""Runs that are still active when their script ends: which of them the script waits for, stops or leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from launchpad import Handle, SubprocessLauncher
from tests.helping import interrupted, until

from .conftest import Script, is_run_active

Start = Callable[[str], Script]


LEFT_OVER = """
executor = LaunchExecutor(SubprocessLauncher(), max_workers=1)
executor.launch_all(Run(command=["sh", "-c", "sleep 0.3; echo >> done"]) for _ in range(3))
"""


def test_a_script_waits_for_an_executor_that_was_not_shut_down(script: Start, tmp_path: Path) -> None:
    assert script(LEFT_OVER).end() == (0, "", "")
    assert (tmp_path / "done").read_text() == "\n" * 3


def test_a_script_that_ends_with_an_error_waits_for_its_executor_too(script: Start, tmp_path: Path) -> None:
    status, _, errors = script(LEFT_OVER + "raise ValueError('a bug')").end()
    assert (status, errors.splitlines()[-1]) == (1, "ValueError: a bug")
    assert (tmp_path / "done").read_text() == "\n" * 3


def test_an_error_that_leaves_the_with_block_of_an_executor_stops_its_runs(script: Start, tmp_path: Path) -> None:
    ending = script(
        """
        with LaunchExecutor(SubprocessLauncher(stream_output=False), max_workers=2) as executor:
            futures = executor.launch_all([Run(command=["sleep", "3600"])] * 4)
            print(futures[0].wait_started().id)
            raise ValueError("a bug")
        """
    )
    status, identifier, errors = ending.end()
    assert (status, errors.splitlines()[-1]) == (1, "ValueError: a bug")
    assert not is_run_active(identifier.strip())


@pytest.mark.parametrize("stream_output", [True, False])
def test_a_script_does_not_wait_for_a_started_run_and_leaves_it_running(script: Start, stream_output: bool) -> None:
    started = script(
        f"""
        import attrs, json
        launcher = SubprocessLauncher(stream_output={stream_output})
        print(json.dumps(attrs.asdict(launcher.start(Run(command=["sleep", "3600"])))))
        """
    )
    status, saved, errors = started.end()
    assert (status, errors) == (0, "")
    handle, launcher = Handle(**json.loads(saved)), SubprocessLauncher(grace=1)
    assert is_run_active(handle.id)
    launcher.stop(handle)
    launcher.remove(handle)


def test_a_script_does_not_wait_for_the_run_of_a_daemon_thread_which_ends_with_the_script(script: Start) -> None:
    ended = script(
        """
        def launch():
            SubprocessLauncher().submit(Run(command=["sleep", "3600"]), on_start=show)

        def show(handle):
            print(handle.id, flush=True)
            started.set()

        started = threading.Event()
        threading.Thread(target=launch, daemon=True).start()
        started.wait()
        """
    )
    status, identifier, errors = ended.end()
    assert (status, errors) == (0, "")
    until(lambda: not is_run_active(identifier.strip()))


def test_ctrl_c_while_the_interpreter_waits_for_an_executor_ends_the_wait_and_the_runs(script: Start) -> None:
    waiting = script(
        """
        executor = LaunchExecutor(SubprocessLauncher())
        future = executor.submit(Run(command=["sleep", "3600"]))
        print(future.wait_started().id, flush=True)
        threading._register_atexit(print, "the end", flush=True)  # runs before the executor's threads are joined
        """
    )
    identifier = waiting.line()
    assert waiting.line() == "the end"
    with interrupted(waiting.process.pid):
        assert waiting.end()[0] == 0
    until(lambda: not is_run_active(identifier))
