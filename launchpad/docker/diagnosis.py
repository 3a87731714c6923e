"""How a container ended: what is known, and what it means. Pure."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import attrs

from ..core.backend import Exit
from ..core.diagnosis import of_exit_code
from ..models import Reason
from .status import Ended, State

KILLED = 137
TERMINATED = 143
"""The exit code of many programs that get SIGTERM. Podman sends it when a container is removed, and reports no kill."""

UNKNOWN = 255
"""The exit code that an engine reports of containers it loses while it goes down. Some programs exit with it too."""

REPORT_WINDOW = 0.5
"""Seconds after the end of a container within which an engine that is not busy reports it."""


LATE_START_WINDOW = timedelta(seconds=1)
"""Time after the first start in which a second is the same one, if the first was later than the end."""


@attrs.define
class Termination:
    """What is known of the end of one container."""

    end: Ended | None = None
    reported_at: float | None = None
    """When (monotonic) the end was reported."""

    started_at: datetime | None = None
    oom: bool = False
    by_us: bool = False
    """Whether launchpad stopped or killed it."""

    killed: bool = False
    """Whether a signal was sent to it, which is the first step of a restart."""

    restarted: bool = False
    vanished: bool = False
    confirmed: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.end is not None and self.end.exit_code == UNKNOWN and not self.confirmed

    def is_missed(self, ended_at: datetime | None) -> bool:
        """Whether the engine may have been down at the end, which its state puts at `ended_at`.

        It did not report the end, or late, when it was up again, or with a doubtful exit code.
        """
        if self.end is None:
            return False
        late = bool(self.end.at and ended_at and (self.end.at - ended_at).total_seconds() > REPORT_WINDOW)
        return late or self.end.missed or self.end.exit_code == UNKNOWN

    @property
    def needs_inspection(self) -> bool:
        """Whether it may have been removed, restarted or out of memory, which only an inspection shows."""
        known = self.by_us or self.oom or self.vanished or self.restarted
        return self.end is not None and (self.end.exit_code in (KILLED, TERMINATED) or self.killed) and not known

    @property
    def may_be_removed(self) -> bool:
        """Whether others may have ended it by a removal that is still in progress, on an engine that hides that."""
        return self.needs_inspection and not self.killed

    @property
    def may_be_restarted(self) -> bool:
        """Whether it may start again, because others have stopped it."""
        return self.killed and not (self.by_us or self.restarted or self.vanished)

    @property
    def _ended_by_removal(self) -> bool:
        """Whether a removal may have ended it, if it was removed."""
        if self.end is None or self.end.exit_code in (None, KILLED, UNKNOWN):
            return True
        return self.end.exit_code == TERMINATED and not self.killed

    def start(self, at: datetime | None) -> None:
        """Takes a start. A second start, after the end, is that of a restart, which executes the program again.

        A restart sends a signal first. Without one, it is the first start: its event has the time of the report, which
        may be later than the end that an inspection shows. Podman may report it with two such times.
        """
        if self.started_at is None or at is None:
            self.started_at = self.started_at or at
        elif self.killed and self.end is not None and self.end.at is not None and at > self.end.at:
            is_late = self.started_at > self.end.at
            self.restarted = self.restarted or not is_late or at > self.started_at + LATE_START_WINDOW

    def report(self, end: Ended) -> None:
        """Takes the first end: later reports are less exact."""
        if self.end is None:
            self.end, self.reported_at = end, time.monotonic()

    def withdraw(self) -> None:
        """Forgets the end: the container still runs."""
        self.end = self.reported_at = None

    def vanish(self) -> None:
        """Takes note that the container is gone, and its end is unknown."""
        self.vanished = True
        self.report(Ended(None, None))

    def confirm(self, state: State | None) -> None:
        """Takes the state of an inspection after the end; None if the container is gone."""
        self.confirmed = True
        if state is None or state.status in ("removing", "dead"):  # dead: its removal has not ended, or has failed
            self.vanished = self._ended_by_removal
        elif not state.ended:
            self.restarted = True
        else:
            self.oom = self.oom or state.oom_killed
            self.end = Ended(state.exit_code, state.ended_at, missed=self.is_missed(state.ended_at))


def exit_of(termination: Termination) -> Exit:
    """What the end means for the run."""
    assert termination.end is not None
    code, started_at, ended_at = termination.end.exit_code, termination.started_at, termination.end.at
    if started_at is not None and ended_at is not None:
        started_at = min(started_at, ended_at)
    reason, message, hint = of_exit_code(code)
    if termination.vanished:
        reason, message, hint = Reason.VANISHED, "The container was removed while it ran.", ""
    elif termination.restarted:
        reason, message = Reason.VANISHED, "The container was restarted while it ran. Its second execution was stopped."
        hint = ""
    elif termination.oom and code != 0:
        reason, message = Reason.OOM_KILLED, f"Out of memory: the container reached its limit. {message}"
        hint = "Raise the limit (mem_limit), or make the program use less memory."
    return Exit(
        exit_code=code,
        reason=reason,
        message=message,
        hint=hint,
        started_at=started_at,
        ended_at=ended_at,
    )
