"""Runs that have been started and still wait on their engine: why they do. The progress bars count them."""

from __future__ import annotations

from typing import NamedTuple

from .. import run_events
from ..models import Handle, Run


class Pending(NamedTuple):
    """Why a started run waits: a word such as "unschedulable", and the engine's own words.

    Without a reason, it no longer waits.
    """

    reason: str
    message: str = ""


_pending: dict[Handle, Pending] = {}  # used by any thread, one atomic operation at a time


def report_pending(run: Run, handle: Handle, pending: Pending, attempt: int = 1) -> None:
    """Notes why a run waits from now on, and emits the event; no event if it no longer waits."""
    if not pending.reason:
        forget_pending(handle)
        return
    _pending[handle] = pending
    run_events.emit_pending(run, handle, pending.reason, pending.message, attempt)


def forget_pending(handle: Handle) -> None:
    """Notes that a run does not wait, or that nothing is known of it any more. Idempotent."""
    _pending.pop(handle, None)


def pending_of(handle: Handle) -> Pending | None:
    """Why a run waits, if this process follows it and it does."""
    return _pending.get(handle)
