"""How a container ended: what is known of it, and what that means. Pure."""

from __future__ import annotations

import time
from datetime import datetime

import attrs

from ..core.backend import Exit
from ..core.diagnosis import of_exit_code
from ..models import Reason
from .status import Ended, State

KILLED = 137
MADE_UP = 255
"""What an engine says of containers that it loses sight of while it goes down; some programs end with it, too."""


@attrs.define
class Termination:
    """What is known by now of the end of one container."""

    end: Ended | None = None
    heard_at: float | None = None
    """When (monotonic) the end was heard of."""

    started_at: datetime | None = None
    oom: bool = False
    by_us: bool = False
    """We asked it to end, or killed it."""

    vanished: bool = False
    confirmed: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.end is not None and self.end.exit_code == MADE_UP and not self.confirmed

    @property
    def needs_a_look(self) -> bool:
        """Whether it may have been removed, or have been out of memory: only the engine can tell."""
        return self.end is not None and self.end.exit_code == KILLED and not (self.by_us or self.oom or self.vanished)

    def hear(self, end: Ended) -> None:
        """The first end counts: what is told again is told less exactly."""
        if self.end is None:
            self.end, self.heard_at = end, time.monotonic()

    def forget(self) -> None:
        """It has not ended after all."""
        self.end = self.heard_at = None

    def vanish(self) -> None:
        """It is gone, and nobody told how it ended."""
        self.vanished = True
        self.hear(Ended(None, None))

    def learn(self, state: State | None) -> None:
        """What the engine says when it is asked after the end; None: it does not know the container any more."""
        self.confirmed = True
        if state is None or state.status == "removing":
            self.vanished = True
        else:
            self.oom = self.oom or state.oom_killed
            self.end = Ended(state.exit_code, state.ended_at)


def exit_of(ending: Termination) -> Exit:
    """What the end means."""
    assert ending.end is not None
    code = ending.end.exit_code
    reason, message, hint = of_exit_code(code)
    if ending.vanished:
        reason, message, hint = Reason.VANISHED, "The container was removed while it ran.", ""
    elif ending.oom and code != 0:
        reason, message = Reason.OOM_KILLED, f"Out of memory: the container reached its limit. {message}"
        hint = "Give it more (mem_limit), or have it use less."
    return Exit(
        exit_code=code,
        reason=reason,
        message=message,
        hint=hint,
        started_at=ending.started_at,
        ended_at=ending.end.at,
    )
