"""What the engine tells of a container, by an event or when it is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@attrs.frozen
class Started:
    at: datetime | None


@attrs.frozen
class Ended:
    exit_code: int | None
    at: datetime | None


@attrs.frozen
class OutOfMemory:
    pass


@attrs.frozen
class Gone:
    """It was removed."""


Fact = Started | Ended | OutOfMemory | Gone


@attrs.frozen
class State:
    """A container's state when it was asked for: the truth, which the engine waits for where it is changing."""

    id: str
    status: str
    exit_code: int
    oom_killed: bool
    started_at: datetime | None
    ended_at: datetime | None
    labels: Mapping[str, str]
    tty: bool

    @property
    def has_run(self) -> bool:
        return self.started_at is not None

    @property
    def ended(self) -> bool:
        return self.has_run and self.status in ("exited", "dead", "stopped")

    def facts(self) -> list[Fact]:
        """What this state says that a listener may have missed."""
        if not self.ended:
            return []
        known: list[Fact] = [Started(self.started_at)]
        if self.oom_killed:
            known.append(OutOfMemory())
        return [*known, Ended(self.exit_code, self.ended_at)]


def fact_of(event: Mapping[str, Any]) -> tuple[str, Fact] | None:
    """The container and the fact that an event tells of; None for other events."""
    actor = event.get("Actor") or {}
    at = _EPOCH + timedelta(microseconds=event["timeNano"] // 1000) if event.get("timeNano") else None
    action = event.get("Action") or event.get("status")
    fact: Fact
    if action == "die":
        attributes = actor.get("Attributes") or {}
        fact = Ended(int(attributes.get("exitCode") or attributes.get("containerExitCode") or 0), at)
    elif action == "start":
        fact = Started(at)
    elif action == "oom":
        fact = OutOfMemory()
    elif action in ("destroy", "remove"):
        fact = Gone()
    else:
        return None
    return str(actor.get("ID") or event.get("id")), fact


def state_of(inspected: Mapping[str, Any]) -> State:
    """The state in what inspecting a container gives."""
    state, config = inspected["State"], inspected["Config"]
    return State(
        id=inspected["Id"],
        status=state["Status"],
        exit_code=state["ExitCode"],
        oom_killed=bool(state.get("OOMKilled")),
        started_at=time_of(state.get("StartedAt")),
        ended_at=time_of(state.get("FinishedAt")),
        labels=config.get("Labels") or {},
        tty=bool(config.get("Tty")),
    )


def time_of(text: str | None) -> datetime | None:
    """A time of the engine's, which has nanoseconds; None for its zero, year 1."""
    match = _TIME.match(text or "")
    if not match or match[1].startswith("0001"):
        return None
    moment = datetime.fromisoformat(match[1] + (match[3] or "Z").replace("Z", "+00:00"))
    return (moment + timedelta(seconds=float(match[2] or 0))).astimezone(timezone.utc)
