"""Lists the containers of runs on an engine, of all processes, and removes those that are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from . import spec as specs
from .backend import DockerBackend

OVERDUE_WINDOW = timedelta(minutes=5)
"""Time after its deadline in which a run is left to the process that launched it; after it, that process is gone."""

_ENDED = ("exited", "dead")


@attrs.frozen
class Container:
    """The container of one run. `state` is one word (created, running, exited, …), `status` the engine's text."""

    id: str
    name: str
    run_id: str
    run_name: str
    image: str
    state: str
    status: str
    deadline: datetime | None

    def is_over(self, now: datetime) -> bool:
        """Whether it has ended, or is long overdue."""
        return self.state in _ENDED or (self.deadline is not None and now - OVERDUE_WINDOW > self.deadline)


def containers(backend: DockerBackend, labels: Iterable[str] = ()) -> list[Container]:
    """The containers of runs on the engine that have all `labels` (each KEY or KEY=VALUE), the newest first."""
    return [container_of(entry) for entry in backend.listed({"label": [specs.RUN_ID, *labels]})]


def reap(backend: DockerBackend, labels: Iterable[str] = ()) -> list[Container]:
    """Removes the containers of runs with all `labels` that are over, and returns them.

    A run that goes on long after its timeout is killed: the process that launched it is gone.
    """
    now = datetime.now(timezone.utc)
    over = [container for container in containers(backend, labels) if container.is_over(now)]
    for container in over:
        backend.discard(container.id)
    return over


def container_of(entry: Mapping[str, Any]) -> Container:
    """The container of an entry of the engine's list."""
    labels = entry.get("Labels") or {}
    return Container(
        id=entry["Id"],
        name=(entry.get("Names") or [entry["Id"][:12]])[0].lstrip("/"),
        run_id=labels.get(specs.RUN_ID, ""),
        run_name=labels.get(specs.RUN_NAME, ""),
        image=entry.get("Image", ""),
        state=entry.get("State", ""),
        status=entry.get("Status", ""),
        deadline=_deadline(labels.get(specs.DEADLINE)),
    )


def _deadline(label: str | None) -> datetime | None:
    """The time in a label, which anyone can set: None if it is not one that launchpad writes."""
    try:
        deadline = datetime.fromisoformat(label or "")
    except ValueError:
        return None
    return deadline if deadline.utcoffset() == timedelta(0) else None
