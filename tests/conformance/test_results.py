"""True, False or an error; and why."""

from __future__ import annotations

from launchpad import Launcher, Reason

from .harness import End, Harness


def test_a_run_that_ends_with_status_0_gives_true(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([])) is True


def test_a_run_that_fails_gives_false(harness: Harness, launcher: Launcher) -> None:
    assert launcher.submit(harness.run([End(3)])) is False


def test_the_outcome_has_the_exit_code_the_reason_and_the_times(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([End(7)]))
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 7, Reason.FAILED)
    assert outcome.started_at <= outcome.ended_at
    assert outcome.started_at.utcoffset().total_seconds() == 0
    assert "7" in outcome.message
