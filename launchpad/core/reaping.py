"""Decides what `reap` does with a run. Pure."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

from .starters import Liveness


class Action(enum.Enum):
    KEEP = "keep"
    REMOVE = "remove"
    STOP = "stop"
    """Stop the run, and then remove it."""


def action_for(
    *,
    running: bool,
    starter: Liveness,
    deadline: datetime | None,
    ended_at: datetime | None,
    older_than: timedelta | None,
    now: datetime,
) -> Action:
    """What to do with a run. `deadline` is the end of its time-out.

    A run whose starter is alive is kept, and so is one that goes on before its deadline. A starter that may be alive
    counts as alive, unless the deadline has passed, or the run has ended and `older_than` is given. With `older_than`,
    runs are kept that ended, or overran their deadline, less than that long ago, or at an unknown time.
    """
    overdue = deadline is not None and deadline < now
    if starter is Liveness.ALIVE or (running and not overdue):
        return Action.KEEP
    if starter is Liveness.UNKNOWN and not overdue and older_than is None:
        return Action.KEEP
    since = deadline if running else ended_at
    if older_than is not None and (since is None or now - since < older_than):
        return Action.KEEP
    return Action.STOP if running else Action.REMOVE
