"""The containers of runs on an engine, of this process and of others, and the removal of those that are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from . import spec as specs
from .backend import DockerBackend

OVERDUE = timedelta(minutes=5)
"""How long after its deadline a run is left to who launched it: beyond, nobody is there to stop it."""

_ENDED = ("exited", "dead")


@attrs.frozen
class Container:
    """The container of one run. `state` is the engine's (created, running, exited …), `status` says it in words."""

    id: str
    name: str
    run_id: str
    run_name: str
    image: str
    state: str
    status: str
    deadline: datetime | None

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended, or should have long ago."""
        return self.state in _ENDED or (self.deadline is not None and now > self.deadline + OVERDUE)


def containers(runs: DockerBackend, labels: Iterable[str] = ()) -> list[Container]:
    """The containers of runs on the engine that have all `labels` (each KEY or KEY=VALUE), the newest first."""
    return [container_of(entry) for entry in runs.listed({"label": [specs.RUN_ID, *labels]})]


def reap(runs: DockerBackend, labels: Iterable[str] = ()) -> list[Container]:
    """Removes the containers of runs, with all `labels`, that are over, and gives those that were removed.

    A run that still goes on although its time-out has long passed has lost who launched it: it is killed.
    """
    now = datetime.now(timezone.utc)
    over = [container for container in containers(runs, labels) if container.is_over(now)]
    for container in over:
        runs.discard(container.id)
    return over


def container_of(entry: Mapping[str, Any]) -> Container:
    """The container in an entry of the engine's list."""
    labels = entry.get("Labels") or {}
    deadline = labels.get(specs.DEADLINE)
    return Container(
        id=entry["Id"],
        name=(entry.get("Names") or [entry["Id"][:12]])[0].lstrip("/"),
        run_id=labels.get(specs.RUN_ID, ""),
        run_name=labels.get(specs.RUN_NAME, ""),
        image=entry.get("Image", ""),
        state=entry.get("State", ""),
        status=entry.get("Status", ""),
        deadline=datetime.fromisoformat(deadline) if deadline else None,
    )
