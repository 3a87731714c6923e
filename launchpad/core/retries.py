"""The retry policies, each with a name. The only module that imports tenacity."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import tenacity

from ..converters import seconds
from ..errors import NameConflict
from .cancellation import StopToken
from .shortages import advice_on

T = TypeVar("T")

LONGEST_OUTAGE = 120.0
"""Seconds that an engine may be unreachable before waiting threads get an EngineUnavailable."""

BETWEEN_STREAMS = 0.1
"""Seconds between the end of one event stream and the opening of the next, so as not to flood a failing engine."""

LONGEST_WAIT = 60.0
"""The longest delay in seconds between two attempts, whatever the engine asks for."""

LONGEST_RESUME = 30.0
"""The longest delay in seconds until a stream that has ended is requested again."""

LONGEST_LOOKUP = 300.0
"""The longest delay in seconds between two requests for a state that may take days to change."""

TRANSIENT_ATTEMPTS = 5
"""How often a request is sent, the first time included."""


SHORTAGE_WAIT = 0.5
"""The longest delay in seconds after a shortage of this process: descriptors become free at any moment."""


class Transient(Exception):
    """A temporary fault, raised `from` the foreign error. `retry_after` is the delay in seconds the engine asks for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def with_free_name(names: Iterable[str], start: Callable[[str], T]) -> T:
    """`start(name)` with the first of `names` that is not taken; the last NameConflict if all are."""
    untried = list(names)
    policy = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NameConflict),
        stop=tenacity.stop_after_attempt(len(untried)),
        reraise=True,
    )
    return policy(lambda: start(untried.pop(0)))


def transient(stop_token: StopToken) -> tenacity.Retrying:
    """For one request: repeats it after a Transient, with jitter, a few times. A stop wakes it (Stopped).

    A server that takes long to fail is not asked again after `LONGEST_OUTAGE`.
    """
    stop = tenacity.stop_any(tenacity.stop_after_attempt(TRANSIENT_ATTEMPTS), tenacity.stop_after_delay(LONGEST_OUTAGE))
    return _retrying(stop_token, 0.2, 10, stop)


def reconnecting(stop_token: StopToken, longest: float = LONGEST_OUTAGE) -> tenacity.Retrying:
    """For a lost stream: opens it again after a Transient, for `longest` seconds. A stop wakes it (Stopped)."""
    return _retrying(stop_token, 0.1, 5, tenacity.stop_after_delay(longest))


def persistent(stop_token: StopToken) -> tenacity.Retrying:
    """For one request to an engine that has answered before: repeats it as `reconnecting` does.

    After a shortage of this process, it is repeated a few times only: the engine is not to blame.
    """
    outage, attempts = tenacity.stop_after_delay(LONGEST_OUTAGE), tenacity.stop_after_attempt(TRANSIENT_ATTEMPTS)

    def stop(retry_state: tenacity.RetryCallState) -> bool:  # older versions pass the state by its name
        return outage(retry_state) or (attempts(retry_state) and _is_shortage(retry_state))

    return _retrying(stop_token, 0.1, 5, stop)


def _is_shortage(state: tenacity.RetryCallState) -> bool:
    return advice_on(state.outcome.exception() if state.outcome else None) is not None


def _retrying(stop_token: StopToken, multiplier: float, most: float, stop: Any) -> tenacity.Retrying:
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=_as_asked(tenacity.wait_random_exponential(multiplier=multiplier, max=most)),
        stop=stop,
        sleep=stop_token.sleep,
        reraise=True,
    )


def attempts(
    goes_on: Callable[[T], bool],
    wait: float | Callable[[Any], float],
    before_pause: Callable[[T, float], object],
    stop_token: StopToken,
) -> tenacity.Retrying:
    """For a run: launches it again while `goes_on(result)`. A stop wakes the pause (Stopped).

    `before_pause` gets the result and the seconds until the next attempt. PauseUnknown if `wait` fails.
    """

    def announce(state: tenacity.RetryCallState) -> None:
        assert state.outcome is not None
        assert state.next_action is not None
        before_pause(state.outcome.result(), state.next_action.sleep)

    return tenacity.Retrying(
        retry=tenacity.retry_if_result(goes_on),
        wait=_checked(wait),
        before_sleep=announce,
        sleep=stop_token.sleep,
    )


class PauseUnknown(Exception):
    """The function that determines the pause before the next attempt failed. Raised `from` its error."""


def _checked(wait: float | Callable[[Any], float]) -> Callable[[tenacity.RetryCallState], float]:
    """A wait that the user gave, which may raise anything, and return anything."""

    def pause(retry_state: tenacity.RetryCallState) -> float:  # tenacity 8.1 passes it by this name
        if not callable(wait):
            return wait
        try:
            return seconds(wait(retry_state), "the pause", zero=True)
        except BaseException as error:  # whatever it is, the run ends with its outcome
            raise PauseUnknown(f"{type(error).__name__}: {error}") from error

    return pause


class RetrySchedule:
    """The delays of a policy, for a thread that must not sleep in it."""

    def __init__(self, policy: tenacity.BaseRetrying, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._state = tenacity.RetryCallState(policy, None, (), {})
        self._state.start_time = clock()

    def next_in(self, error: Transient | None = None) -> float | None:
        """Seconds from a failed attempt to the next one; None if the policy gives up."""
        self._state.set_exception((Transient, error or Transient("not yet"), None))
        self._state.outcome_timestamp = self._clock()
        if self._policy.stop(self._state):
            return None
        delay = self._policy.wait(self._state)
        self._state.prepare_for_next_attempt()
        return delay


def request_schedule(longest: float = LONGEST_OUTAGE, clock: Callable[[], float] = time.monotonic) -> RetrySchedule:
    """For a request of a thread that must not sleep: repeats it after a Transient, for `longest` seconds."""
    return RetrySchedule(
        tenacity.Retrying(
            wait=_as_asked(tenacity.wait_random_exponential(multiplier=0.2, max=5)),
            stop=tenacity.stop_after_delay(longest),
        ),
        clock,
    )


def resume_schedule(first: float, clock: Callable[[], float] = time.monotonic) -> RetrySchedule:
    """For a stream that has ended although there may be more: requests it after `first` seconds, then more rarely."""
    return RetrySchedule(tenacity.Retrying(wait=tenacity.wait_exponential(multiplier=first, max=LONGEST_RESUME)), clock)


def lookup_schedule(longest: float | None, clock: Callable[[], float] = time.monotonic) -> RetrySchedule:
    """For an event that does not come: requests the state after 3 s, 6 s, … and at last after `longest` seconds.

    None: it goes on, ever more rarely.
    """
    if longest is None:
        return RetrySchedule(tenacity.Retrying(wait=tenacity.wait_exponential(multiplier=3, max=LONGEST_LOOKUP)), clock)
    more = tenacity.wait_exponential(multiplier=3, max=30)

    def wait(state: tenacity.RetryCallState) -> float:
        return max(0.0, min(more(state), longest - (state.seconds_since_start or 0.0)))

    return RetrySchedule(tenacity.Retrying(wait=wait, stop=tenacity.stop_after_delay(longest)), clock)


def _as_asked(wait: tenacity.wait.wait_base) -> Callable[[tenacity.RetryCallState], float]:
    """`wait`, unless the engine asks for a delay."""

    def delay_of(retry_state: tenacity.RetryCallState) -> float:  # tenacity 8.1 passes it by this name
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, Transient) else None
        if asked is not None:
            return min(asked, LONGEST_WAIT)
        delay = wait(retry_state)
        return min(delay, SHORTAGE_WAIT) if _is_shortage(retry_state) else delay

    return delay_of
