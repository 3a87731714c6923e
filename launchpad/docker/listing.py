"""A container in the engine's list as a listed run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..core.backend import Exit
from ..core.deadlines import deadline_of
from ..models import Handle, Listed, Reason
from . import spec as specs
from .diagnosis import Termination, exit_of
from .status import Ended, State

NEVER_STARTED = "The container was created, but the process that launched the run was gone before it had started it."


def handle_of(entry: Mapping[str, Any], engine: str) -> Handle | None:
    """The handle of the run of an entry; None if the entry is not that of a run's container."""
    labels, id = entry.get("Labels"), entry.get("Id")
    run_id = labels.get(specs.RUN_ID) if isinstance(labels, Mapping) else None
    if not isinstance(id, str) or not isinstance(run_id, str) or not run_id:
        return None
    names = entry.get("Names")
    name = names[0] if isinstance(names, list) and names else id[:12]
    return Handle("docker", id, str(name).lstrip("/"), engine, run_id)


def listed(handle: Handle, state: State, *, created: object, being_created: bool) -> Listed:
    """The run of a container. `created` is the time of its creation in seconds since the epoch.

    `being_created`: a container that has not run is about to be started, because its starter is alive.
    """
    end = _end_of(state)
    running = being_created if not state.has_run else end is None
    never = Exit(exit_code=None, reason=Reason.NEVER_STARTED, message=NEVER_STARTED, ended_at=_moment(created))
    outcome = None if running else (end or never).outcome(handle, state.attempt)
    return Listed(
        handle=handle,
        run_id=handle.run_id,
        name=state.labels.get(specs.RUN_NAME) or handle.name,
        state="running" if running else "ended",
        started_at=state.started_at if outcome is None else outcome.started_at,
        ended_at=None if outcome is None else outcome.ended_at,
        starter=state.labels.get(specs.STARTER),
        deadline=deadline_of(state.labels.get(specs.DEADLINE)),
        outcome=outcome,
    )


def _end_of(state: State) -> Exit | None:
    if not state.ended:
        return None
    termination = Termination(started_at=state.started_at, oom=state.oom_killed, confirmed=True)
    termination.report(Ended(state.exit_code, state.ended_at))
    return exit_of(termination)


def _moment(seconds: object) -> datetime | None:
    return datetime.fromtimestamp(seconds, timezone.utc) if isinstance(seconds, int) and 0 < seconds < 2**35 else None
