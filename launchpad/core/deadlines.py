"""The end of a run's time-out, as text that engines record."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone


def after(timeout: float) -> str:
    """The text for a time-out of `timeout` seconds that begins now."""
    return (datetime.now(timezone.utc) + timedelta(seconds=timeout)).isoformat(timespec="milliseconds")


def deadline_of(text: object) -> datetime | None:
    """The time in a text that anyone may have written: None if it is not one that `after` makes."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.utcoffset() == timedelta(0) else None
