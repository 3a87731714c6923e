"""What is tried again, how often and how long: every policy by its name. The only file that says tenacity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import tenacity

from .control import Control
from .errors import NameConflict

T = TypeVar("T")

LONGEST_OUTAGE = 120.0
"""Seconds that an engine may be out of reach before those who wait for it are told."""

BETWEEN_STREAMS = 0.1
"""Seconds from the end of one event stream to the opening of the next: an engine that drops all is not hammered."""

LONGEST_WAIT = 60.0
"""The most seconds between two attempts, whatever the engine asks for."""

TRANSIENT_ATTEMPTS = 5
"""How often a request is sent whose fault is one that passes."""


class Transient(Exception):
    """A fault that passes: raised `from` the foreign error. `retry_after` is what the engine asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def with_free_name(names: Iterable[str], start: Callable[[str], T]) -> T:
    """`start(name)` with one of `names`, one after the other while they are taken; the last NameConflict if all are."""
    untried = list(names)
    policy = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NameConflict),
        stop=tenacity.stop_after_attempt(len(untried)),
        reraise=True,
    )
    return policy(lambda: start(untried.pop(0)))


def transient(control: Control) -> tenacity.Retrying:
    """For one request: again after a Transient, with jitter and a bound; a stop wakes it (Stopped)."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.2, max=10)),
        stop=tenacity.stop_after_attempt(TRANSIENT_ATTEMPTS),
        sleep=control.sleep,
        reraise=True,
    )


def reconnecting(control: Control, longest: float = LONGEST_OUTAGE) -> tenacity.Retrying:
    """For a lost stream: opened again after a Transient until `longest` seconds have passed; a stop wakes it."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.1, max=5)),
        stop=tenacity.stop_after_delay(longest),
        sleep=control.sleep,
        reraise=True,
    )


def _as_asked(wait: tenacity.wait.wait_base) -> Callable[[tenacity.RetryCallState], float]:
    """`wait`, unless the engine said how long."""

    def seconds(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, Transient) else None
        return wait(state) if asked is None else min(asked, LONGEST_WAIT)

    return seconds
