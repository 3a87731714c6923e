"""`StopPlan`: the decisions of a stop, without I/O, locks or a clock."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from ..models import Reason


class StopStep(enum.Enum):
    """A step of a stop."""

    NOTHING = enum.auto()
    TERMINATE = enum.auto()
    KILL = enum.auto()


@attrs.frozen
class StopPlan:
    """How far the stop of one run has come, and when its next step is due."""

    due: float | None
    """When (monotonic seconds) a step is due even if no stop is requested: at the time-out, then after the grace."""

    reason: Reason | None = None
    """Why the run was asked to end; None before that."""

    killed: bool = False

    left: float | None = None
    """The rest of the time-out in seconds, while it stands still."""

    @classmethod
    def of(cls, timeout: float | datetime | None, started_at: datetime, now: float, *, paused: bool) -> StopPlan:
        """The plan of a run that starts now, at `started_at`, with a time-out in seconds or one that ends at a time."""
        left = (timeout - started_at).total_seconds() if isinstance(timeout, datetime) else timeout
        return cls(None if left is None else now + left).with_pause(now, paused)

    def with_pause(self, now: float, paused: bool) -> StopPlan:
        """The plan of a run that its engine holds back from `now` on, or not any more: its time-out stands still."""
        if self.reason is None and paused and self.due is not None:
            return StopPlan(None, left=self.due - now)
        if self.reason is None and not paused and self.left is not None:
            return StopPlan(now + self.left)
        return self

    def next_step(self, now: float, *, requested: bool, hurry: bool, has_ended: bool) -> StopStep:
        """The step to take at `now`. `hurry` does not wait for the grace to pass.

        A run that has ended is not asked to end. One that was asked is killed even then: its children may go on.
        """
        due = self.due is not None and now >= self.due
        if self.reason is None:
            return StopStep.TERMINATE if (requested or due) and not has_ended else StopStep.NOTHING
        return StopStep.KILL if (hurry or due) and not self.killed else StopStep.NOTHING

    def after_terminate(self, now: float, grace: float, *, requested: bool) -> StopPlan:
        """The plan of a run that was asked to end: by request, or else because its time was over."""
        return StopPlan(now + grace, Reason.STOPPED if requested else Reason.TIMED_OUT)

    def after_kill(self) -> StopPlan:
        """The plan of a run that was killed: no further step is due."""
        return StopPlan(None, self.reason, killed=True)

    def after_end(self) -> StopPlan:
        """The plan of a run that ended before it was asked to: no further step is due."""
        return StopPlan(None, self.reason, self.killed)
