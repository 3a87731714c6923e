"""A value of the environment appears nowhere but in the run, on any engine."""

from __future__ import annotations

import logging
import uuid

import psutil
import pytest

from launchpad import Launcher, LaunchExecutor, RunEvent, on_event
from tests.helping import RecordedLines

from .harness import Harness, UntilStopped

SECRET = f"secret-{uuid.uuid4().hex}"
"""Of this process alone: other tests pass values on command lines, at the same time."""


def command_lines() -> list[str]:
    return [repr(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"])]


def test_a_value_of_the_environment_is_in_no_log_event_repr_or_command_line(
    harness: Harness, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    recorded, events = RecordedLines(), list[RunEvent]()
    run = harness.run([UntilStopped()], env={"PW": SECRET})
    with caplog.at_level(logging.DEBUG), on_event(events.append), LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(run, on_output=recorded)
        recorded.wait_for("ready")
        texts = [*command_lines(), repr(launcher.preview(run)), repr(launcher), repr(future), repr(future.handle)]
        future.cancel()
    texts += [repr(future.outcome), *map(repr, events), *(repr(vars(record)) for record in caplog.records)]
    assert events
    assert not [text for text in texts if SECRET in text]
