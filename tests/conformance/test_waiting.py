"""`wait` and `remove`: repeated, by other threads, launchers and processes, with a time limit."""

from __future__ import annotations

import json

import attrs
import pytest

from launchpad import Handle, Launcher, LaunchError, Reason, RunNotAvailable, RunNotFound
from tests.helping import in_thread, until

from .conftest import Start
from .harness import End, Harness, UntilStopped
from .helping import LONG, other_process


def test_waiting_twice_gives_the_same_outcome(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([End(3)]))
    first = launcher.wait(handle)
    assert first.exit_code == 3
    assert launcher.wait(handle, timeout=0) == first


def test_all_threads_that_wait_get_the_same_outcome(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    waits = [in_thread(launcher.wait, handle) for _ in range(5)]
    launcher.stop(handle)
    outcomes = {wait.result(LONG) for wait in waits}
    assert [outcome.reason for outcome in outcomes] == [Reason.STOPPED]


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_a_wait_that_times_out_raises_and_the_run_goes_on(
    harness: Harness, launcher: Launcher, start: Start, timeout: float
) -> None:
    handle = start(harness.run([UntilStopped()], name="long one"))
    for _ in range(2):
        with pytest.raises(TimeoutError, match="goes on"):
            launcher.wait(handle, timeout)
    with pytest.raises(LaunchError, match="running"):
        launcher.remove(handle)


def test_another_launcher_can_wait_by_the_handle(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([End(6)]))
    with harness.launcher() as other:
        assert other.wait(handle).exit_code == 6


def test_many_threads_of_another_launcher_can_wait_by_the_handle(
    harness: Harness, launcher: Launcher, start: Start
) -> None:
    handle = start(harness.run([UntilStopped()]))
    with harness.launcher() as other:
        looks = [in_thread(other.wait, handle, timeout=0) for _ in range(5)]
        assert {type(look.exception(LONG)) for look in looks} == {TimeoutError}
        waits = [in_thread(other.wait, handle) for _ in range(5)]
        launcher.stop(handle)
        assert {wait.result(LONG).ok for wait in waits} == {False}


@pytest.mark.needs("other_processes")
def test_another_process_can_wait_by_the_handle(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    with other_process(harness, "wait", handle) as other:
        assert other.stdout.readline() == "waiting\n"
        launcher.stop(handle)
        assert json.loads(other.communicate(timeout=LONG)[0])["ok"] is False


@pytest.mark.needs("exit_code_elsewhere")
def test_another_process_learns_the_exit_code(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([End(6)]))
    with other_process(harness, "wait", handle) as other:
        result = json.loads(other.communicate(timeout=LONG)[0].splitlines()[-1])
    assert result == {"ok": False, "exit_code": 6, "reason": "failed", "value": None}


@pytest.mark.needs("other_processes")
def test_another_process_can_stop_by_the_handle(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    with other_process(harness, "stop", handle) as other:
        assert json.loads(other.communicate(timeout=LONG)[0]) == "stopped"
    assert launcher.wait(handle, timeout=LONG).ok is False


def test_a_removed_run_may_be_removed_again_and_is_not_found(harness: Harness, launcher: Launcher) -> None:
    handle = launcher.start(harness.run([]))
    launcher.wait(handle)
    launcher.remove(handle)
    launcher.remove(handle)
    with pytest.raises(RunNotFound):
        launcher.wait(handle)


def test_a_handle_of_another_engine_or_launcher_is_not_available(harness: Harness, launcher: Launcher) -> None:
    handle = launcher.launch(harness.run([])).handle
    for foreign in (attrs.evolve(handle, engine="somewhere else"), attrs.evolve(handle, type="mainframe")):
        for verb in (launcher.wait, launcher.stop, launcher.remove):
            with pytest.raises(RunNotAvailable):
                verb(foreign)


def test_anything_but_a_handle_is_a_type_error(launcher: Launcher) -> None:
    with pytest.raises(TypeError, match="a Handle is needed, not dict"):
        launcher.wait({"id": "1"})


def test_a_closed_launcher_opens_a_new_connection(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([]))
    launcher.close()
    launcher.close()
    assert launcher.submit(harness.run([]))


def test_closing_a_launcher_ends_the_waits_for_its_runs(harness: Harness, launcher: Launcher) -> None:
    handles: list[Handle] = []
    started = in_thread(launcher.launch, harness.run([UntilStopped()]), on_start=handles.append)
    with harness.launcher() as other:
        until(lambda: handles or started.done())
        launcher.close()
        other.stop(handles[0])
    error = started.exception(LONG)
    assert "closed" in str(error) if error else not started.result().ok
