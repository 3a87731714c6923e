"""Containers that others stop, restart or pause, on a real engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from launchpad import Handle, Outcome, Reason, Run
from tests.helping import RecordedLines

from .conftest import Launch, sh

pytestmark = pytest.mark.docker


def restarted(make: Launch, engine: Any, script: str, **settings: Any) -> tuple[Handle, Outcome]:
    """The outcome of a run whose container is restarted as soon as it has printed "ready"."""
    handles: list[Handle] = []
    recorded = RecordedLines()
    run: Run = sh(script)
    with ThreadPoolExecutor(1) as thread:
        launched = thread.submit(make(**settings).launch, run, on_start=handles.append, on_output=recorded)
        recorded.wait_for("ready")
        engine.restart(handles[0].id, timeout=1)
        return handles[0], launched.result(120)


@pytest.mark.parametrize("script", ["echo ready; sleep 60", "trap 'exit 0' TERM; echo ready; sleep 60 & wait"])
def test_a_run_that_others_restart_is_not_executed_twice_and_no_success(make: Launch, engine: Any, script: str) -> None:
    handle, outcome = restarted(make, engine, script)
    assert (outcome.ok, outcome.reason) == (False, Reason.VANISHED)
    assert "restarted" in outcome.message
    assert engine.inspect_container(handle.id)["State"]["Running"] is False


def test_a_restarted_container_is_removed_with_auto_remove(make: Launch, engine: Any, nothing_left: None) -> None:
    _, outcome = restarted(make, engine, "echo ready; sleep 60", auto_remove=True)
    assert outcome.reason is Reason.VANISHED


def test_a_run_that_others_stop_keeps_the_status_of_its_program(make: Launch, engine: Any) -> None:
    handles: list[Handle] = []
    recorded = RecordedLines()
    with ThreadPoolExecutor(1) as thread:
        run = sh("trap 'exit 5' TERM; echo ready; sleep 60 & wait")
        launched = thread.submit(make().launch, run, on_start=handles.append, on_output=recorded)
        recorded.wait_for("ready")
        engine.stop(handles[0].id)
        outcome = launched.result(120)
    assert (outcome.exit_code, outcome.reason) == (5, Reason.FAILED)
