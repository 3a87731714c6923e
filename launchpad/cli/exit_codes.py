"""The exit statuses of the command line."""

from __future__ import annotations

from signal import Signals

from ..models import Outcome, Reason

FAILED = 1
USAGE = 2
TIMED_OUT = 124  # as timeout(1)
NOT_LAUNCHED = 125  # as env(1), timeout(1) and docker run
_LARGEST = 255


def of_signal(signal: Signals) -> int:
    """The status of a command that a signal ended, as in shells."""
    return 128 + signal


def of_outcome(outcome: Outcome) -> int:
    """The run's own exit code if it has one; never 0 for a run that did not succeed."""
    if outcome.ok:
        return 0
    if outcome.reason is Reason.TIMED_OUT:
        return TIMED_OUT
    code = outcome.exit_code or FAILED
    return 128 - code if code < 0 else min(code, _LARGEST)


def is_self_explanatory(outcome: Outcome) -> bool:
    """Whether the exit status of the run needs no explanation."""
    exited = outcome.reason is Reason.FAILED and (outcome.exit_code or 0) > 0
    return outcome.ok or (exited and not outcome.hint)
