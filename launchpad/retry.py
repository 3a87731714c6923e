"""`Retry`: which runs are launched again, how often and when. A value; `attempts` launches the runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex

import attrs

from .converters import choice, seconds, whole_number
from .models import Outcome, Reason

if TYPE_CHECKING:
    from typing_extensions import Self

DEFAULT = frozenset({Reason.FAILED, Reason.OOM_KILLED, Reason.EVICTED, Reason.NODE_LOST, Reason.UNKNOWN})
"""The reasons that are retried by default."""

FREE = frozenset({Reason.EVICTED, Reason.NODE_LOST})
"""The reasons whose attempts do not count by default."""

NEVER = (Reason.COMPLETED, Reason.STOPPED, Reason.NOT_LAUNCHED)
"""The reasons that are never retried."""

LARGEST_CODE = 2**31 - 1

Wait = float | Callable[[Any], float]
"""Seconds, or a wait of tenacity: a function from the state of the attempts to seconds."""


def _attempts(value: SupportsIndex) -> int:
    return whole_number(value, "attempts", least=1)


def _free_limit(value: SupportsIndex) -> int:
    return whole_number(value, "free_limit")


def _reasons(value: Collection[Reason | str], what: str) -> frozenset[Reason]:
    if isinstance(value, str | Mapping) or not isinstance(value, Collection):
        raise ValueError(f"{what} must be a set of reasons, not {type(value).__name__}: for instance ['failed']")
    reasons = frozenset(choice(Reason, one, what) for one in value)
    if never := sorted(reasons.intersection(NEVER)):
        raise ValueError(f"{what} must not have {', '.join(never)}, which is never retried")
    return reasons


def _on(value: Collection[Reason | str]) -> frozenset[Reason]:
    reasons = _reasons(value, "on")
    if not reasons:
        raise ValueError("on must not be empty: without a Retry, nothing is retried")
    return reasons


def _free(value: Collection[Reason | str]) -> frozenset[Reason]:
    return _reasons(value, "free")


def _exit_codes(value: Collection[int] | None) -> frozenset[int] | None:
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
        raise ValueError(f"exit_codes must be a set of whole numbers, not {type(value).__name__}")
    codes = frozenset(
        whole_number(code, "exit_codes: each code", least=-LARGEST_CODE, most=LARGEST_CODE) for code in value
    )
    if not codes:
        raise ValueError("exit_codes must not be empty: leave it out, or leave 'failed' out of on")
    if 0 in codes:
        raise ValueError("exit_codes: 0 is success, which is never retried")
    return codes


def _wait(value: Wait) -> Wait:
    return value if callable(value) else seconds(value, "wait", zero=True)


def _sorted(values: Collection[Any] | None) -> str:
    return repr(values) if values is None else "{" + ", ".join(map(str, sorted(values))) + "}"


@attrs.frozen
class Retry:
    """Launches a run again if it ended for one of the reasons `on`, until `attempts` were made, the first included.

    `exit_codes` narrows the reason FAILED to these codes. Attempts that ended for one of the reasons `free` do not
    count, up to `free_limit` of them. STOPPED and NOT_LAUNCHED are never retried.

    `wait` is the pause before the next attempt: seconds, or a wait of tenacity, which gets the state of the
    attempts; `state.outcome.result()` is the last Outcome.
    """

    attempts: int = attrs.field(default=3, converter=_attempts)
    on: frozenset[Reason] = attrs.field(default=DEFAULT, converter=_on, kw_only=True, repr=_sorted)
    exit_codes: frozenset[int] | None = attrs.field(default=None, converter=_exit_codes, kw_only=True, repr=_sorted)
    free: frozenset[Reason] = attrs.field(default=FREE, converter=_free, kw_only=True, repr=_sorted)
    free_limit: int = attrs.field(default=20, converter=_free_limit, kw_only=True)
    wait: Wait = attrs.field(default=0.0, converter=_wait, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.exit_codes is not None and Reason.FAILED not in self.on:
            raise ValueError("exit_codes narrows 'failed', which is not in on")

    def goes_on(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether another attempt follows those that had these outcomes, in order."""
        last = outcomes[-1]
        if last.ok or last.reason not in self.on:
            return False
        if last.reason is Reason.FAILED and self.exit_codes is not None and last.exit_code not in self.exit_codes:
            return False
        free = sum(outcome.reason in self.free for outcome in outcomes)
        return len(outcomes) - min(free, self.free_limit) < self.attempts

    def to_settings(self) -> dict[str, Any]:
        """This Retry as plain data for JSON or YAML. ValueError if `wait` is a function, which these cannot hold."""
        from .settings import unstructure  # cattrs takes 60 ms to import

        if callable(self.wait):
            raise ValueError(f"wait is a {type(self.wait).__name__}, which cannot be written: only seconds can")
        return {key: sorted(one) if isinstance(one, list) else one for key, one in unstructure(self).items()}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The Retry that `settings` describe. ValueError with one line for each invalid setting."""
        from .settings import structure

        return structure(settings, cls)
