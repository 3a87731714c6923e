"""Facts about a container: from the engine's events, or from an inspection. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs

from ..engine import RESULT_VARIABLE
from ..variables import ATTEMPT_LABEL, attempt_number

_FIRST_WITH_GATEWAY = (20, 10)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@attrs.frozen
class Started:
    at: datetime | None


@attrs.frozen
class Ended:
    exit_code: int | None
    at: datetime | None
    missed: bool = False
    """Whether no event reported it, although the container was followed: a listing found it."""


@attrs.frozen
class OutOfMemory:
    pass


@attrs.frozen
class Killed:
    """A signal was sent to the container, by whomever: also by a stop or a restart."""


@attrs.frozen
class Gone:
    """The container was removed."""


Fact = Started | Killed | Ended | OutOfMemory | Gone


@attrs.frozen
class State:
    """The state of an inspected container. It is exact: during a change, the engine responds after it."""

    id: str
    status: str
    exit_code: int
    oom_killed: bool
    started_at: datetime | None
    ended_at: datetime | None
    labels: Mapping[str, str]
    tty: bool
    result_paths: tuple[str, ...] = ()
    """Where the run may have written its result; empty for a command."""

    @property
    def has_run(self) -> bool:
        return self.started_at is not None

    @property
    def attempt(self) -> int:
        return attempt_number(self.labels.get(ATTEMPT_LABEL))

    @property
    def ended(self) -> bool:
        return self.has_run and self.status in ("exited", "dead", "stopped")

    def facts(self, *, missed: bool = False) -> list[Fact]:
        """The facts that events would have reported so far."""
        if not self.has_run:
            return []
        facts: list[Fact] = [Started(self.started_at)]
        if not self.ended:
            return facts
        if self.oom_killed:
            facts.append(OutOfMemory())
        return [*facts, Ended(self.exit_code, self.ended_at, missed)]


def fact_of(event: Mapping[str, Any]) -> tuple[str, Fact] | None:
    """The container's id and the fact of an event; None for other events."""
    actor = event.get("Actor") or {}
    at = _EPOCH + timedelta(microseconds=event["timeNano"] // 1000) if event.get("timeNano") else None
    action = event.get("Action") or event.get("status")
    fact: Fact
    if action == "die":
        attributes = actor.get("Attributes") or {}
        fact = Ended(int(attributes.get("exitCode") or attributes.get("containerExitCode") or 0), at)
    elif action == "start":
        fact = Started(at)
    elif action in ("kill", "restart"):  # Podman reports a restart instead, before the end
        fact = Killed()
    elif action == "oom":
        fact = OutOfMemory()
    elif action in ("destroy", "remove"):
        fact = Gone()
    else:
        return None
    return str(actor.get("ID") or event.get("id")), fact


def state_of(inspected: Mapping[str, Any]) -> State:
    """The state in the response to an inspection."""
    state, config = inspected["State"], inspected["Config"]
    variables = (item.split("=", 1) for item in config.get("Env") or () if "=" in item)
    return State(
        id=inspected["Id"],
        status=state["Status"],
        exit_code=state["ExitCode"],
        oom_killed=bool(state.get("OOMKilled")),
        started_at=time_of(state.get("StartedAt")),
        ended_at=time_of(state.get("FinishedAt")),
        labels=config.get("Labels") or {},
        tty=bool(config.get("Tty")),
        result_paths=next((paths_in(value) for name, value in variables if name == RESULT_VARIABLE), ()),
    )


def paths_in(place: str | None) -> tuple[str, ...]:
    """Where a run may write its result, as its variable says; nowhere without the variable."""
    return tuple((place or "").split("\n")[1:])


def time_of(text: str | None) -> datetime | None:
    """A time in the engine's format, which has nanoseconds; None for its zero, in year 1."""
    match = _TIME.match(text or "")
    if not match or match[1].startswith("0001"):
        return None
    moment = datetime.fromisoformat(match[1] + (match[3] or "Z").replace("Z", "+00:00"))
    return (moment + timedelta(seconds=float(match[2] or 0))).astimezone(timezone.utc)


def versions_of(answer: Any) -> tuple[str, str, bool]:
    """The versions of the engine and of its API, and whether it is Podman."""
    if not re.fullmatch(r"\d+\.\d+", answer["ApiVersion"], re.ASCII):
        raise ValueError("ApiVersion")
    names = [str(part.get("Name", "")).lower() for part in answer.get("Components") or ()]
    return str(answer["Version"]), answer["ApiVersion"], any("podman" in name for name in names)


def knows_gateway(version: str) -> bool:
    """Whether a Docker Engine of this version knows the address `host-gateway`; true if the version has no numbers."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return not numbers or (int(numbers[1]), int(numbers[2])) >= _FIRST_WITH_GATEWAY
