"""What an engine's memory of events shows: whether it was running at some time. Without an engine."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from launchpad.docker.events import EVENT_MEMORY, was_down_at

NOW = 2000


class Memory:
    """An engine that remembers events of these times."""

    def __init__(self, *times: float, is_podman: bool = False) -> None:
        self.is_podman = is_podman
        self._times = times

    def past_events(self, since: str, until: str) -> tuple[int, str]:
        return sum(float(since) <= time <= float(until) for time in self._times), str(NOW)


@pytest.mark.parametrize(
    ("memory", "down"),
    [
        (Memory(), True),
        (Memory(1001, 1500), True),
        (Memory(999, 1001), False),
        (Memory(*[1001] * EVENT_MEMORY), False),
        (Memory(is_podman=True), False),
    ],
)
def test_an_engine_that_remembers_nothing_before_a_time_was_started_after_it(memory: Memory, down: bool) -> None:
    at = datetime.fromtimestamp(1000, timezone.utc)
    assert was_down_at(memory, at) is down  # type: ignore[arg-type]
