"""The states of an item, and what a batch that is begun again does with it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from launchpad import Outcome, Reason
from launchpad.journal.entry import Action, Entry, State, next_action

from .helping import FAILURE, HANDLE, SUCCESS

INTENDED = Entry(key=b"k", name="job", run_id="run")
STARTED = INTENDED.started(HANDLE)
PAUSED = STARTED.paused(FAILURE)


def not_ok(reason: Reason) -> Entry:
    return INTENDED.ended(Outcome(ok=False, reason=reason))


@pytest.mark.parametrize(
    ("entry", "action", "with_retry_failed"),
    [
        (None, Action.RUN, Action.RUN),
        (INTENDED, Action.FIND, Action.FIND),
        (STARTED, Action.FOLLOW, Action.FOLLOW),
        (PAUSED, Action.NONE, Action.RUN),
        (STARTED.ended(SUCCESS), Action.NONE, Action.NONE),
        (STARTED.ended(FAILURE), Action.NONE, Action.RUN),
        (not_ok(Reason.UNKNOWN), Action.NONE, Action.RUN),
        (not_ok(Reason.TIMED_OUT), Action.NONE, Action.RUN),
        (not_ok(Reason.STOPPED), Action.RUN, Action.RUN),
        (not_ok(Reason.NOT_LAUNCHED), Action.RUN, Action.RUN),
    ],
)
def test_the_action_follows_from_the_state(entry: Entry | None, action: Action, with_retry_failed: Action) -> None:
    assert next_action(entry, retry_failed=False) is action
    assert next_action(entry, retry_failed=True) is with_retry_failed


def test_a_retry_decides_whether_another_attempt_follows_those_that_are_recorded() -> None:
    seen: list[Sequence[Outcome]] = []

    def goes_on(outcomes: Sequence[Outcome]) -> bool:
        seen.append(outcomes)
        return True

    assert next_action(PAUSED, retry_failed=False, goes_on=goes_on) is Action.RUN
    assert seen == [(FAILURE,)]


def test_the_last_attempt_is_the_outcome_of_an_item_that_has_ended() -> None:
    second = PAUSED.intended("run").started(HANDLE).paused(SUCCESS)
    ended = second.ended(SUCCESS)
    assert (ended.state, ended.attempts, ended.outcome) == (State.ENDED, (FAILURE,), SUCCESS)
    assert ended.outcomes == (FAILURE, SUCCESS)


def test_an_item_that_is_begun_anew_keeps_what_was_before_and_counts_attempts_from_one() -> None:
    again = STARTED.ended(FAILURE).begun_anew("other")
    assert again == Entry(key=b"k", name="job", run_id="other", past=(FAILURE,))
    assert again.is_former(HANDLE)


def test_a_step_that_is_not_possible_is_refused() -> None:
    with pytest.raises(ValueError, match="the item is started, not intended"):
        STARTED.started(HANDLE)
    with pytest.raises(ValueError, match="the item is ended, not intended or started or paused"):
        STARTED.ended(SUCCESS).ended(SUCCESS)
