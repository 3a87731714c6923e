"""Jobs that wait in a queue: suspended until a queueing controller, such as Kueue, admits them. Pure functions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..core.deadlines import deadline_of
from .labels import DEADLINE, QUEUE, TIMEOUT
from .status import is_suspended, moment

Object = Mapping[str, Any]


def queued(manifest: Mapping[str, Any], queue: str | None) -> dict[str, Any]:
    """The manifest of a Job that waits in `queue`; the same one if that is None."""
    result = dict(manifest)
    if queue is not None:
        metadata = dict(result.get("metadata") or {})
        metadata["labels"] = {**(metadata.get("labels") or {}), QUEUE: queue}
        result = {**copy.deepcopy(result), "metadata": metadata}
        result["spec"] = {**(result.get("spec") or {}), "suspend": True}
    return result


def deadline(job: Object) -> datetime | None:
    """When the time-out of a run ends; None without one, and while its Job waits in a queue.

    The Job of a queue has no recorded time: its time-out starts with the Job.
    """
    notes = job["metadata"].get("annotations") or {}
    started = moment((job.get("status") or {}).get("startTime"))
    if DEADLINE in notes or is_suspended(job) or started is None:
        return deadline_of(notes.get(DEADLINE))
    try:
        return started + timedelta(seconds=float(notes[TIMEOUT]))
    except (KeyError, ValueError, OverflowError):  # it has none, or others have changed it
        return None
