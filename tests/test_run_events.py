"""Events of runs: records of the logger `launchpad`, and calls of `on_event` callbacks."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from launchpad import (
    EngineUnavailable,
    LaunchError,
    LaunchExecutor,
    Reason,
    Run,
    RunEvent,
    SubprocessLauncher,
    on_event,
)
from launchpad.testing import FakeBackend, FakeLauncher, Script

ECHO = ["echo", "hello"]


@pytest.fixture
def launcher() -> SubprocessLauncher:
    return SubprocessLauncher(stream_output=False, grace=1)


@pytest.fixture
def events() -> Iterator[list[RunEvent]]:
    received: list[RunEvent] = []
    with on_event(received.append):
        yield received


def kinds(events: list[RunEvent]) -> list[str]:
    return [event.kind for event in events]


def facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name.startswith("run_")}


def test_a_run_gives_one_record_at_its_start_and_one_at_its_end(
    launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "launchpad")
    run = Run(command=ECHO, name="greeting")
    launcher.submit(run)
    start, end = caplog.records
    assert (start.name, start.levelname, start.run_event) == ("launchpad", "INFO", "started")
    assert start.getMessage() == f"Run 'greeting' (subprocess {start.run_identifier}) has started"
    assert end.getMessage() == f"Run 'greeting' (subprocess {start.run_identifier}) has ended: completed."
    assert 0 <= end.run_seconds < 30
    assert facts(end) == {
        "run_event": "ended",
        "run_id": run.id,
        "run_name": "greeting",
        "run_type": "subprocess",
        "run_identifier": start.run_identifier,
        "run_outcome": "completed",
        "run_exit_code": 0,
        "run_seconds": end.run_seconds,
    }


def test_a_failed_run_is_no_warning(launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "launchpad")
    assert not launcher.submit(Run(command=["sh", "-c", "exit 3"], name="bad"))
    end = caplog.records[-1]
    assert (end.levelname, end.run_outcome, end.run_exit_code) == ("INFO", "failed", 3)
    assert end.getMessage().endswith("has ended: failed. Exited with status 3.")


def test_nothing_is_logged_by_default(launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture) -> None:
    assert launcher.submit(Run(command=ECHO))
    assert caplog.records == []


def test_no_record_shows_values_of_the_environment(
    launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "launchpad")
    launcher.submit(Run(command=["sh", "-c", "exit 1"], env={"TOKEN": "hunter2"}))
    assert len(caplog.records) == 2
    assert not any("hunter2" in repr(vars(record)) for record in caplog.records)


def test_a_logging_filter_that_raises_does_not_change_the_result(
    launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter of the application's")

    caplog.set_level(logging.INFO, "launchpad")
    logging.getLogger("launchpad").addFilter(refuse)
    try:
        assert launcher.submit(Run(command=ECHO))
    finally:
        logging.getLogger("launchpad").removeFilter(refuse)


def test_a_callback_gets_the_start_and_the_end(launcher: SubprocessLauncher, events: list[RunEvent]) -> None:
    run = Run(command=ECHO)
    outcome = launcher.launch(run)
    assert events == [
        RunEvent(kind="started", run=run, type="subprocess", handle=outcome.handle),
        RunEvent(kind="ended", run=run, type="subprocess", handle=outcome.handle, outcome=outcome),
    ]


def test_the_end_is_reported_before_the_future_is_done(launcher: SubprocessLauncher, events: list[RunEvent]) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        executor.submit(Run(command=ECHO)).result()
        assert kinds(events) == ["started", "ended"]


def test_a_run_that_could_not_be_launched_is_reported_with_its_error(
    launcher: SubprocessLauncher, events: list[RunEvent]
) -> None:
    with pytest.raises(LaunchError) as raised:
        launcher.submit(Run(command=["no-such-program"]))
    (event,) = events
    assert (event.kind, event.type, event.handle, event.error) == ("error", "subprocess", None, raised.value)


def test_a_run_whose_engine_is_lost_has_one_error_event(events: list[RunEvent]) -> None:
    fake = FakeBackend(Script(exit_code=None), longest_outage=0)
    with FakeLauncher(fake) as launcher, LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(Run(command=ECHO))
        handle = future.wait_started(10)
        fake.go_away()
        assert isinstance(future.exception(10), EngineUnavailable)
    assert kinds(events) == ["started", "error"]
    assert events[1].handle == handle


def test_a_cancelled_run_ends_as_stopped(launcher: SubprocessLauncher, events: list[RunEvent]) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        running, queued = executor.launch_all([Run(command=["sleep", "60"]), Run(command=["sleep", "60"])])
        running.wait_started(10)
        assert queued.cancel()
        assert running.cancel()
        with pytest.raises(CancelledError):
            running.result(10)
    assert kinds(events) == ["started", "ended"]
    assert events[1].outcome.reason is Reason.STOPPED


def test_a_run_that_is_waited_for_twice_ends_once(launcher: SubprocessLauncher, events: list[RunEvent]) -> None:
    handle = launcher.start(Run(command=ECHO))
    assert kinds(events) == ["started"]
    launcher.wait(handle)
    launcher.wait(handle)
    launcher.remove(handle)
    assert kinds(events) == ["started", "ended"]


def test_a_callback_that_raises_is_logged_once_and_harms_nothing(
    launcher: SubprocessLauncher, caplog: pytest.LogCaptureFixture, events: list[RunEvent]
) -> None:
    def broken(event: RunEvent) -> None:
        raise RuntimeError("no metrics today")

    with on_event(broken):
        assert launcher.submit(Run(command=ECHO))
    (record,) = caplog.records
    assert (record.levelname, "no metrics today" in caplog.text) == ("WARNING", True)
    assert kinds(events) == ["started", "ended"]


def test_a_subscription_ends_when_it_is_closed(launcher: SubprocessLauncher) -> None:
    received: list[RunEvent] = []
    subscription = on_event(received.append)
    launcher.submit(Run(command=ECHO))
    subscription.close()
    subscription.close()
    launcher.submit(Run(command=ECHO))
    assert kinds(received) == ["started", "ended"]


def test_a_callback_runs_in_the_context_of_the_launching_thread(launcher: SubprocessLauncher) -> None:
    trace = contextvars.ContextVar("trace", default="none")
    seen: list[tuple[str, str]] = []
    with on_event(lambda event: seen.append((event.kind, trace.get()))):
        token = trace.set("mine")
        launcher.submit(Run(command=ECHO))
        trace.reset(token)
    assert threading.current_thread() is threading.main_thread()  # where another thread starts the run
    assert seen == [("started", "mine"), ("ended", "mine")]
