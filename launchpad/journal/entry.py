"""What a journal has of one item of a batch, and what follows from it: a small state machine. Pure.

    (none) -> INTENDED -> STARTED -> PAUSED -> ENDED
                 ^___________________|         |
                 ^_____________________________|

An item is INTENDED before its run is created, STARTED when the run has a handle, PAUSED when an attempt has ended, and
ENDED when none follows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import attrs

from ..models import Handle, Outcome, Reason


class State(str, enum.Enum):
    """The state of an item, as the journal has recorded it."""

    INTENDED = "intended"
    STARTED = "started"
    PAUSED = "paused"
    ENDED = "ended"


class Action(enum.Enum):
    """What a batch that is begun, or begun again, does with an item."""

    RUN = "run"
    """Launch it: it was never started, or was stopped, or is to be run again."""
    FIND = "find"
    """Look on the engine for the run, which may have been created. Follow it, or create it."""
    FOLLOW = "follow"
    """Follow the run of its handle to the end."""
    NONE = "none"
    """Nothing: its last recorded outcome stands."""


GoesOn = Callable[[Sequence[Outcome]], bool]

NOT_EXECUTED = frozenset({Reason.STOPPED, Reason.NOT_LAUNCHED})
"""The reasons of items that a batch which is begun again runs: no attempt of them was executed to its own end."""


@attrs.frozen(kw_only=True)
class Entry:
    """One item. `run_id` is the id by which the engine knows its run, or would know it.

    `attempts` are the outcomes of the attempts that have ended, in order, since the item was last begun anew; `past`
    has those before. `outcome` is that of an item that has ENDED: of its last attempt, which `attempts` leaves out.
    """

    key: bytes
    name: str
    run_id: str
    state: State = State.INTENDED
    handle: Handle | None = None
    attempts: tuple[Outcome, ...] = ()
    past: tuple[Outcome, ...] = ()
    outcome: Outcome | None = None

    def intended(self, run_id: str) -> Entry:
        """The entry before another attempt is created."""
        self._check(State.PAUSED)
        return attrs.evolve(self, state=State.INTENDED, run_id=run_id, handle=None)

    def begun_anew(self, run_id: str) -> Entry:
        """The entry before the first attempt of an item that is run again."""
        self._check(State.ENDED)
        return Entry(key=self.key, name=self.name, run_id=run_id, past=self.outcomes)

    def started(self, handle: Handle) -> Entry:
        self._check(State.INTENDED)
        return attrs.evolve(self, state=State.STARTED, handle=handle)

    def paused(self, outcome: Outcome) -> Entry:
        """The entry after an attempt that ended with `outcome`."""
        self._check(State.INTENDED, State.STARTED)
        return attrs.evolve(self, state=State.PAUSED, attempts=(*self.attempts, outcome))

    def ended(self, outcome: Outcome) -> Entry:
        """The entry of an item with its last outcome."""
        self._check(State.INTENDED, State.STARTED, State.PAUSED)
        attempts = self.attempts[:-1] if self.state is State.PAUSED else self.attempts
        return attrs.evolve(self, state=State.ENDED, attempts=attempts, outcome=outcome)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of all attempts that have ended, in order."""
        return (*self.past, *self.attempts, *([] if self.outcome is None else [self.outcome]))

    def is_former(self, handle: Handle) -> bool:
        """Whether the handle is that of an attempt that has ended."""
        return any(outcome.handle == handle for outcome in self.outcomes)

    def _check(self, *states: State) -> None:
        """ValueError if the entry is in none of these states."""
        if self.state not in states:
            raise ValueError(f"the item is {self.state.value}, not {' or '.join(state.value for state in states)}")


def next_action(entry: Entry | None, *, retry_failed: bool, goes_on: GoesOn | None = None) -> Action:
    """What to do with an item for which the journal has `entry`, or nothing.

    `goes_on` decides whether another attempt follows those with certain outcomes; None: never.
    """
    if entry is None:
        return Action.RUN
    if entry.state is State.INTENDED:
        return Action.FIND
    if entry.state is State.STARTED:
        return Action.FOLLOW
    if entry.state is State.PAUSED:
        again = retry_failed and not entry.attempts[-1].ok
        return Action.RUN if again or (goes_on is not None and goes_on(entry.attempts)) else Action.NONE
    assert entry.outcome is not None  # it has ended
    if entry.outcome.ok:
        return Action.NONE
    return Action.RUN if retry_failed or entry.outcome.reason in NOT_EXECUTED else Action.NONE
