"""Events of runs (start, end, why they wait): records of the logger `launchpad`, and calls of `on_event` callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import attrs

from .errors import LaunchError
from .models import Handle, Outcome, Run

LEVEL = logging.INFO
"""The level of the records of starts and ends."""

_logger = logging.getLogger("launchpad")


@attrs.frozen(kw_only=True)
class RunEvent:
    """What happened to a run. Each "started" is followed by one "ended" or "error", if the run is followed to its end.

    Between them, "pending" says why a run waits on its engine (`reason`, `message`), each time that this changes.

    "started" has a `handle`; "ended" has an `outcome` too. "error" has a LaunchError instead of a result:
    without a handle, the run could not be launched; with one, the engine could no longer report the run's state.
    Each attempt of a run with a Retry has its events; `attempt` is its number.
    """

    kind: Literal["started", "pending", "ended", "error"]
    run: Run
    type: str
    """The type of the launcher."""
    handle: Handle | None = None
    outcome: Outcome | None = None
    error: LaunchError | None = None
    attempt: int = 1
    reason: str | None = None
    """Why the run is pending: "queued", "quota", "unschedulable", "pulling", "mounting", "config" or "starting"."""
    message: str | None = None
    """The same in the words of the engine."""


OnEvent = Callable[[RunEvent], object]


class Subscription:
    """A callback that is called with the events of runs until it is closed. A context manager."""

    def __init__(self, callback: OnEvent) -> None:
        self._callback = callback
        self._warned = False

    def close(self) -> None:
        """Ends the subscription; a call may still be in progress. Idempotent. Any thread."""
        with suppress(ValueError):
            _subscriptions.remove(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def call(self, event: RunEvent) -> None:
        """Calls the callback; its first error is logged."""
        try:
            self._callback(event)
        except Exception:
            if not self._warned:
                self._warned = True
                _logger.warning("The callback %r of on_event raised an error", self._callback, exc_info=True)


_subscriptions: list[Subscription] = []  # used by any thread, one atomic method call at a time


def on_event(callback: OnEvent) -> Subscription:
    """Calls `callback` with a RunEvent at each start and end of a run, on any launcher of this process, from now on.

    It is also called while a run is pending on Kubernetes, each time that the reason changes.

    The thread that launches or waits for the run calls it, so it must be quick; many threads may do so at a time. What
    it raises is logged, once, and does no harm. It ends with `close()` of what is returned, or with its `with` block.
    """
    if not callable(callback):
        raise TypeError(f"callback must be callable, not {type(callback).__name__}")
    subscription = Subscription(callback)
    _subscriptions.append(subscription)
    return subscription


def emit_start(run: Run, handle: Handle, attempt: int = 1) -> None:
    """Reports that a run has started."""
    if _wanted():
        _emit(RunEvent(kind="started", run=run, type=handle.type, handle=handle, attempt=attempt), "has started")


def emit_pending(run: Run, handle: Handle, reason: str, message: str, attempt: int = 1) -> None:
    """Reports why a run waits on its engine."""
    if _wanted():
        event = RunEvent(
            kind="pending",
            run=run,
            type=handle.type,
            handle=handle,
            attempt=attempt,
            reason=reason,
            message=message,
        )
        _emit(event, f"is pending: {reason}. {message}".rstrip())


def emit_end(run: Run, handle: Handle, outcome: Outcome) -> None:
    """Reports that a run has ended."""
    if _wanted():
        attempt = outcome.attempt
        event = RunEvent(kind="ended", run=run, type=handle.type, handle=handle, outcome=outcome, attempt=attempt)
        _emit(event, f"has ended: {outcome.reason}. {outcome.message}".rstrip())


def emit_error(run: Run, type: str, handle: Handle | None, error: LaunchError, attempt: int = 1) -> None:
    """Reports that a run could not be launched, or can no longer be followed."""
    if _wanted():
        event = RunEvent(kind="error", run=run, type=type, handle=handle, error=error, attempt=attempt)
        _emit(event, f"{'is out of sight' if handle else 'could not be launched'}: {error}")


def log_pause(run: Run, outcome: Outcome, pause: float) -> None:
    """Logs that another attempt follows one that had `outcome`, after `pause` seconds."""
    with suppress(Exception):  # as below
        what = f"Run {run.name!r}: attempt {outcome.attempt} ended: {outcome.reason}."
        facts = {"run_id": run.id, "run_name": run.name, "run_attempt": outcome.attempt, "run_pause": pause}
        _logger.log(LEVEL, "%s The next one follows in %.1f s", what, pause, extra=facts)


def warn_of_survival(run: Run, handle: Handle, error: LaunchError) -> None:
    """Warns that a run could not be stopped."""
    with suppress(Exception):  # as below
        _logger.warning("Run %r (%s) may go on: it could not be stopped: %s", run.name, handle.id, error)


def warn_of_lost_output(run: Run) -> None:
    """Warns that a run was stopped while its output could not be passed on."""
    with suppress(Exception):  # as below
        _logger.warning("The last output of run %r is lost: it was stopped while its output was blocked", run.name)


def _wanted() -> bool:
    return bool(_subscriptions) or _logger.isEnabledFor(LEVEL)


def _emit(event: RunEvent, what: str) -> None:
    where = f"{event.type} {event.handle.id}" if event.handle else event.type
    if event.attempt > 1:
        where += f", attempt {event.attempt}"
    with suppress(Exception):  # a filter of the application may raise; the run must not lose its result
        _logger.log(LEVEL, "Run %r (%s) %s", event.run.name, where, what, extra=_facts(event))
    for subscription in _subscriptions.copy():
        subscription.call(event)


def _facts(event: RunEvent) -> dict[str, Any]:
    """The attributes that these records have in addition."""
    end = event.outcome
    took = (end.ended_at - end.started_at).total_seconds() if end and end.started_at and end.ended_at else None
    return {
        "run_event": event.kind,
        "run_id": event.run.id,
        "run_name": event.run.name,
        "run_type": event.type,
        "run_identifier": event.handle.id if event.handle else None,
        "run_outcome": str(end.reason) if end else None,
        "run_exit_code": end.exit_code if end else None,
        "run_seconds": took,
        **({"run_attempt": event.attempt} if event.attempt > 1 else {}),
    }
