"""Ends the run of a launch that was interrupted, or that failed after the start."""

from __future__ import annotations

from .. import run_events
from ..errors import LaunchError
from .cancellation import Listening, StopToken
from .output import Sink, discard
from .supervisor import Supervisor


def passing_on(stop_token: StopToken, supervisor: Supervisor) -> Listening:
    """A context manager that passes the stops of `stop_token` on to the run."""
    return stop_token.listening(lambda: supervisor.request_stop(hurry=stop_token.hurried))


def stop_after_error(started: list[Supervisor], stop_token: StopToken, sink: Sink) -> None:
    """Stops the run, if it was started, and waits for its end. Its last output goes to `sink`."""
    for supervisor in started:
        with passing_on(stop_token, supervisor):
            supervisor.request_stop()
            _wait_for_end(supervisor, sink)


def kill_after_error(started: list[Supervisor]) -> None:
    """Kills the run: for a `stop_after_error` that was itself interrupted."""
    for supervisor in started:
        supervisor.request_stop(hurry=True)
        _wait_for_end(supervisor, discard)


def _wait_for_end(supervisor: Supervisor, sink: Sink) -> None:
    try:
        supervisor.wait(sink)
    except LaunchError:
        _kill_unreported(supervisor)


def _kill_unreported(supervisor: Supervisor) -> None:
    """Kills a run that the engine no longer reports."""
    try:
        supervisor.kill()
    except LaunchError as error:
        run_events.warn_of_survival(supervisor.run, supervisor.handle, error)
