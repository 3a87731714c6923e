"""The result of a run: True, False or an error, with the reason."""

from __future__ import annotations

import pytest

from launchpad import Launcher, Reason

from .conftest import Start
from .harness import End, Harness, UntilStopped


def test_a_run_that_ends_with_status_0_gives_true(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([])) is True


def test_a_run_that_fails_gives_false(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([End(1)])) is False


def test_the_outcome_has_the_exit_code_the_reason_and_the_times(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([End(7)]))
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 7, Reason.FAILED)
    assert outcome.started_at <= outcome.ended_at
    assert outcome.started_at.utcoffset().total_seconds() == 0
    assert "7" in outcome.message


def test_the_outcome_of_a_success_has_no_message(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([]))
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (True, 0, Reason.COMPLETED)
    assert outcome.message == outcome.hint == ""


def test_a_run_that_exceeds_its_timeout_is_stopped(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([UntilStopped()], timeout=0.3))
    assert (outcome.ok, outcome.reason) == (False, Reason.TIMED_OUT)
    assert "0.3" in outcome.message


def test_a_timeout_gives_false_even_if_the_run_exits_with_0(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([UntilStopped(status=0)], timeout=0.3)) is False


def test_a_run_that_ended_before_its_timeout_keeps_its_result_when_waited_for_later(
    harness: Harness, launcher: Launcher, start: Start
) -> None:
    handle = start(harness.run([End(5)], timeout=harness.start_takes * 40))
    with pytest.raises(TimeoutError):
        launcher.wait(start(harness.run([UntilStopped()])), timeout=harness.start_takes * 41)
    assert launcher.wait(handle).exit_code == 5


def test_anything_but_a_run_is_a_type_error(launcher: Launcher) -> None:
    with pytest.raises(TypeError, match="a Run is needed, not list"):
        launcher.submit(["echo", "hello"])
