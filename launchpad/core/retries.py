"""What is tried again, how often and how long: every policy by its name. The only file that says tenacity."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import tenacity

from ..errors import NameConflict
from .cancellation import StopToken

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


def transient(stop_token: StopToken) -> tenacity.Retrying:
    """For one request: again after a Transient, with jitter and a bound; a stop wakes it (Stopped)."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.2, max=10)),
        stop=tenacity.stop_after_attempt(TRANSIENT_ATTEMPTS),
        sleep=stop_token.sleep,
        reraise=True,
    )


def reconnecting(stop_token: StopToken, longest: float = LONGEST_OUTAGE) -> tenacity.Retrying:
    """For a lost stream: opened again after a Transient until `longest` seconds have passed; a stop wakes it."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.1, max=5)),
        stop=tenacity.stop_after_delay(longest),
        sleep=stop_token.sleep,
        reraise=True,
    )


class Patience:
    """A policy for a thread that must not sleep: it says how long to wait, and leaves the waiting to the thread."""

    def __init__(self, policy: tenacity.BaseRetrying) -> None:
        self._policy = policy
        self._state = tenacity.RetryCallState(policy, None, (), {})

    def next_in(self, error: Transient | None = None) -> float | None:
        """Seconds from an attempt that came to nothing until the next; None where the policy gives up."""
        self._state.set_exception((Transient, error or Transient("not yet"), None))
        if self._policy.stop(self._state):
            return None
        delay = self._policy.wait(self._state)
        self._state.prepare_for_next_attempt()
        return delay


def asking_again(longest: float = LONGEST_OUTAGE) -> Patience:
    """For one request of a thread that must not sleep: again after a Transient until `longest` seconds have passed."""
    return Patience(
        tenacity.Retrying(
            wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.2, max=5)),
            stop=tenacity.stop_after_delay(longest),
        )
    )


def looking_directly(longest: float) -> Patience:
    """For what is watched for and does not come: looked for after 3 s, 6 s, …, for the last time after `longest`."""
    more = tenacity.wait_exponential(multiplier=3, max=30)

    def wait(state: tenacity.RetryCallState) -> float:
        return max(0.0, min(more(state), longest - (state.seconds_since_start or 0.0)))

    return Patience(tenacity.Retrying(wait=wait, stop=tenacity.stop_after_delay(longest)))


def _as_asked(wait: tenacity.wait.wait_base) -> Callable[[tenacity.RetryCallState], float]:
    """`wait`, unless the engine said how long."""

    def seconds(retry_state: tenacity.RetryCallState) -> float:  # tenacity 8.1 passes it by this name
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, Transient) else None
        return wait(retry_state) if asked is None else min(asked, LONGEST_WAIT)

    return seconds
