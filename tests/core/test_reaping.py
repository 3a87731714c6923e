"""What `reap` decides about a run: the whole table."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from launchpad.core.reaping import Action, action_for
from launchpad.core.starters import Liveness

NOW = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
ALIVE, GONE, UNKNOWN = Liveness.ALIVE, Liveness.GONE, Liveness.UNKNOWN
KEEP, REMOVE, STOP = Action.KEEP, Action.REMOVE, Action.STOP
RUNNING, ENDED = True, False

# Hours ago: the end of the run, its deadline (negative: to come), and the age that `older_than` asks for.
TABLE = [
    # state, starter, ended, deadline, older_than, action
    (RUNNING, ALIVE, None, None, None, KEEP),
    (RUNNING, ALIVE, None, 5, 1, KEEP),
    (RUNNING, GONE, None, None, None, KEEP),
    (RUNNING, GONE, None, None, 0, KEEP),
    (RUNNING, GONE, None, -1, None, KEEP),
    (RUNNING, GONE, None, 1, None, STOP),
    (RUNNING, GONE, None, 1, 2, KEEP),
    (RUNNING, GONE, None, 3, 2, STOP),
    (RUNNING, UNKNOWN, None, None, None, KEEP),
    (RUNNING, UNKNOWN, None, None, 0, KEEP),
    (RUNNING, UNKNOWN, None, -1, 0, KEEP),
    (RUNNING, UNKNOWN, None, 1, None, STOP),
    (RUNNING, UNKNOWN, None, 1, 2, KEEP),
    (RUNNING, UNKNOWN, None, 3, 2, STOP),
    (ENDED, ALIVE, 5, None, None, KEEP),
    (ENDED, ALIVE, 5, 4, 1, KEEP),
    (ENDED, GONE, 5, None, None, REMOVE),
    (ENDED, GONE, 5, -1, None, REMOVE),
    (ENDED, GONE, 5, None, 6, KEEP),
    (ENDED, GONE, 5, None, 5, REMOVE),
    (ENDED, GONE, None, None, None, REMOVE),
    (ENDED, GONE, None, None, 0, KEEP),
    (ENDED, UNKNOWN, 5, None, None, KEEP),
    (ENDED, UNKNOWN, 5, -1, None, KEEP),
    (ENDED, UNKNOWN, 5, 1, None, REMOVE),
    (ENDED, UNKNOWN, 5, 1, 6, KEEP),
    (ENDED, UNKNOWN, 5, None, 4, REMOVE),
    (ENDED, UNKNOWN, 5, None, 6, KEEP),
    (ENDED, UNKNOWN, None, None, 0, KEEP),
]


@pytest.mark.parametrize(("running", "starter", "ended", "deadline", "older_than", "action"), TABLE)
def test_the_action_follows_from_state_starter_deadline_and_age(
    running: bool,
    starter: Liveness,
    ended: float | None,
    deadline: float | None,
    older_than: float | None,
    action: Action,
) -> None:
    def ago(hours: float | None) -> datetime | None:
        return None if hours is None else NOW - timedelta(hours=hours)

    age = None if older_than is None else timedelta(hours=older_than)
    found = action_for(
        running=running, starter=starter, deadline=ago(deadline), ended_at=ago(ended), older_than=age, now=NOW
    )
    assert found is action
