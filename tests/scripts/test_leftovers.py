"""What becomes of runs that are left over when a script ends: nothing hangs that the documentation does not say."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from launchpad import Handle, RunNotFound, SubprocessLauncher

from .conftest import Script, runs

Start = Callable[[str], Script]


def stop(identifier: str) -> None:
    """Stops a run that its script has left to us."""
    launcher = SubprocessLauncher(grace=1)
    with suppress(RunNotFound):
        launcher.stop(Handle("subprocess", identifier, "leftover", launcher._backend().engine, "a test's"))


LEFT_OVER = """
executor = LaunchExecutor(SubprocessLauncher(), max_workers=1)
executor.launch_all(Run(command=["sh", "-c", "sleep 0.3; echo >> done"]) for _ in range(3))
"""


def test_runs_of_an_executor_that_was_not_shut_down_end_by_themselves_as_in_the_stdlib(
    script: Start, tmp_path: Path
) -> None:
    assert script(LEFT_OVER).end() == (0, "", "")
    assert (tmp_path / "done").read_text() == "\n" * 3


def test_so_they_do_when_the_script_ends_with_an_error(script: Start, tmp_path: Path) -> None:
    status, _, errors = script(LEFT_OVER + "raise ValueError('a bug')").end()
    assert (status, errors.splitlines()[-1]) == (1, "ValueError: a bug")
    assert (tmp_path / "done").read_text() == "\n" * 3


def test_an_error_that_leaves_the_with_block_stops_them(script: Start, tmp_path: Path) -> None:
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
    assert not runs(identifier.strip())


@pytest.mark.parametrize("stream_output", [True, False])
def test_a_run_that_was_only_started_does_not_hold_the_script_and_goes_on(script: Start, stream_output: bool) -> None:
    started = script(
        f"""
        launcher = SubprocessLauncher(stream_output={stream_output})
        print(launcher.start(Run(command=["sleep", "3600"])).id)
        """
    )
    status, identifier, errors = started.end()
    try:
        assert (status, errors) == (0, "")
        assert runs(identifier.strip())
    finally:
        stop(identifier.strip())


def test_a_run_of_a_daemon_thread_does_not_hold_the_script_and_goes_on(script: Start) -> None:
    ended = script(
        """
        def launch():
            SubprocessLauncher().submit(Run(command=["sleep", "3600"]), on_start=tell)

        def tell(handle):
            print(handle.id, flush=True)
            started.set()

        started = threading.Event()
        threading.Thread(target=launch, daemon=True).start()
        started.wait()
        """
    )
    status, identifier, errors = ended.end()
    try:
        assert (status, errors) == (0, "")
        assert runs(identifier.strip())
    finally:
        stop(identifier.strip())


def test_ctrl_c_while_the_interpreter_waits_for_an_executor_ends_it_and_leaves_the_runs(script: Start) -> None:
    waiting = script(
        """
        executor = LaunchExecutor(SubprocessLauncher())
        future = executor.submit(Run(command=["sleep", "3600"]))
        print(future.wait_started().id, flush=True)
        threading._register_atexit(print, "the end", flush=True)  # called before the executor's threads are joined
        """
    )
    identifier = waiting.line()
    try:
        assert waiting.line() == "the end"
        waiting.signal(signal.SIGINT)
        assert waiting.end()[0] == 0
        assert runs(identifier)
    finally:
        stop(identifier)
