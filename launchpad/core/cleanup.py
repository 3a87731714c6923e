"""Ends the run of a launch that was interrupted, or that failed after the start."""

from __future__ import annotations

import threading
from contextvars import copy_context

from ..errors import LaunchError
from .cancellation import Listening, StopToken
from .output import Sink, discard
from .stopper import OUTCOME_INTERVAL
from .supervisor import Supervisor
from .threads import start_thread


def passing_on(stop_token: StopToken, supervisor: Supervisor) -> Listening:
    """A context manager that passes the stops of `stop_token` on to the run."""
    return stop_token.listening(lambda: supervisor.request_stop(hurry=stop_token.hurried))


def stop_after_error(started: list[Supervisor], stop_token: StopToken, sink: Sink) -> None:
    """Stops the run, if it was started, and waits for its end. Its last output goes to `sink`."""
    for supervisor in started:
        with passing_on(stop_token, supervisor):
            supervisor.request_stop()
            if sink is not discard and threading.current_thread() is threading.main_thread():
                _wait_beside(supervisor, sink)
            else:
                _wait_for_end(supervisor, sink)


def kill_after_error(started: list[Supervisor]) -> None:
    """Kills the run: for a `stop_after_error` that was itself interrupted."""
    for supervisor in started:
        supervisor.request_stop(hurry=True)
        _wait_for_end(supervisor, discard)


def _wait_beside(supervisor: Supervisor, sink: Sink) -> None:
    """Waits for the end while another thread passes on the last output: a sink that blocks must not block this one."""
    errors: list[BaseException] = []
    working = threading.Lock()  # not an Event, whose wait is Python code that an interrupt can break
    working.acquire()

    def work() -> None:
        try:
            _wait_for_end(supervisor, sink)
        except BaseException as error:
            errors.append(error)
        finally:
            working.release()

    try:
        start_thread(copy_context().run, work)
    except RuntimeError:  # the system has no room for another thread
        _wait_for_end(supervisor, sink)
        return
    while not working.acquire(timeout=OUTCOME_INTERVAL):
        if supervisor.abandoned:
            if supervisor.outcome is not None:
                supervisor.wait(discard)  # reports the end
            return
    if errors:
        raise errors.pop()


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
        supervisor.warn_of_survival(error)
