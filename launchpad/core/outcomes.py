"""The outcome of a run, made of the end that its engine reports and of what launchpad itself did to the run."""

from __future__ import annotations

from datetime import datetime, timezone

import attrs

from ..models import Handle, Outcome, Reason
from ..results import NOT_READ
from .backend import Exit


def outcome_of(
    end: Exit,
    handle: Handle,
    *,
    stopped_for: Reason | None,
    timeout: float | datetime | None,
    started_at: datetime,
    abandoned: bool,
    attempt: int,
    tail: tuple[str, ...],
    has_function: bool,
) -> Outcome:
    """The outcome of a run whose engine reported `end`.

    `stopped_for` is why launchpad stopped the run, or None; a run that ended before it was asked to has None. `timeout`
    is in seconds, or the time at which it ended. `started_at` is used where the engine does not know its own. If
    `abandoned`, the rest of the output was dropped. With `has_function`, a result is expected.
    """
    end = attrs.evolve(
        end,
        started_at=end.started_at or started_at,
        ended_at=end.ended_at or datetime.now(timezone.utc),
        output_complete=end.output_complete and not abandoned,
        result=NOT_READ if end.result is None and has_function else end.result,
    )
    if stopped_for is not None:
        hint = end.hint if end.reason is Reason.STOPPED else ""
        end = attrs.evolve(end, reason=stopped_for, message=_message(stopped_for, timeout), hint=hint)
    outcome = end.outcome(handle, attempt)
    return attrs.evolve(outcome, tail=tail) if tail else outcome


def _message(reason: Reason, timeout: float | datetime | None) -> str:
    if reason is Reason.STOPPED:
        return "The run was stopped."
    if isinstance(timeout, datetime):
        return f"The run was stopped: its time-out ended at {timeout:%Y-%m-%d %H:%M:%S} UTC."
    return f"The run was stopped: it took longer than its time-out of {timeout:g} s."
