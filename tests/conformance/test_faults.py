"""What happens to a run behind the launcher's back: a broken event stream, a kill, a removal, a lack of memory."""

from __future__ import annotations

import pytest

from launchpad import Handle, Launcher, Reason
from tests.helping import RecordedLines, in_thread

from .harness import End, ExhaustMemory, Harness, LeaveGrandchild, UntilStopped, Write
from .helping import LONG


@pytest.mark.needs("break_events")
def test_a_broken_event_stream_loses_no_result(harness: Harness) -> None:
    recorded, handles = RecordedLines(), []
    with harness.breakable_events() as break_events, harness.launcher(grace=LONG) as launcher:
        launched = in_thread(
            launcher.launch, harness.run([UntilStopped()]), on_start=handles.append, on_output=recorded
        )
        recorded.wait_for("ready")
        break_events()
        with harness.launcher(grace=LONG) as other:
            other.stop(handles[0])
        outcome = launched.result(LONG)
        assert launcher.submit(harness.run([])), "the stream is opened again"
    assert outcome.ok is False
    assert recorded.lines == ["ready", "bye"]


@pytest.mark.needs("kill")
def test_a_run_that_others_kill_has_failed(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([UntilStopped()]), on_start=harness.kill)
    assert (outcome.ok, outcome.reason) == (False, Reason.FAILED)
    assert outcome.exit_code in (-9, 137)
    assert "SIGKILL" in outcome.message


@pytest.mark.needs("remove")
def test_a_run_that_others_remove_has_vanished(harness: Harness, launcher: Launcher) -> None:
    handles: list[Handle] = []
    recorded = RecordedLines()
    launched = in_thread(launcher.launch, harness.run([UntilStopped()]), on_start=handles.append, on_output=recorded)
    recorded.wait_for("ready")
    harness.remove(handles[0])
    outcome = launched.result(LONG)
    assert (outcome.ok, outcome.reason) == (False, Reason.VANISHED)


@pytest.mark.needs("limit_memory")
def test_a_run_that_exceeds_its_memory_limit_is_oom_killed(harness: Harness) -> None:
    with harness.small_launcher(grace=1) as launcher:
        outcome = launcher.launch(harness.run([ExhaustMemory()]))
    assert (outcome.ok, outcome.reason, outcome.exit_code) == (False, Reason.OOM_KILLED, 137)
    assert outcome.hint


def test_a_grandchild_that_keeps_the_output_open_does_not_delay_the_end(harness: Harness, launcher: Launcher) -> None:
    recorded = RecordedLines()
    program = [LeaveGrandchild(), Write(b"last"), End(3)]
    outcome = in_thread(launcher.launch, harness.run(program), on_output=recorded).result(LONG)
    harness.clear()
    assert (outcome.exit_code, recorded.lines) == (3, ["last"])
