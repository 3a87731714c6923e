"""Why a run failed, in the same words for all engines. Pure functions."""

from __future__ import annotations

import signal
from typing import NamedTuple

from ..models import Reason

MEMORY_HINT = (
    "A SIGKILL that you did not send mostly comes from the kernel, out of memory: "
    "give the run more memory, or have it use less."
)

_HINTS = {
    126: "A shell gives 126 for a program that it found but may not execute: check its permissions.",
    127: "A shell gives 127 for a program that it did not find: check its spelling and PATH.",
    137: MEMORY_HINT,
}


class Diagnosis(NamedTuple):
    """The part of an Outcome that explains it: the reason, what happened, and what to try."""

    reason: Reason
    message: str
    hint: str


def of_exit_code(code: int | None) -> Diagnosis:
    """The diagnosis of an exit code. A negative one is that of a signal; None is unknown."""
    if code == 0:
        return Diagnosis(Reason.COMPLETED, "", "")
    if code is None:
        return Diagnosis(
            Reason.UNKNOWN,
            "The run has ended, but its exit status cannot be known here.",
            "The exit status of a local process is known only to the process that started it: wait there.",
        )
    if code < 0:
        hint = MEMORY_HINT if code == -9 else ""
        return Diagnosis(Reason.FAILED, f"Killed by signal {-code} ({signal_name(-code)}).", hint)
    return Diagnosis(Reason.FAILED, f"Exited with status {code}{_by_signal(code)}.", _HINTS.get(code, ""))


def signal_name(number: int) -> str:
    """The name of a signal, such as SIGTERM."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - 34}" if 34 <= number <= 64 else "unknown"


def _by_signal(code: int) -> str:
    """The name of the signal n, for 128 + n: the status that shells and init processes make of it."""
    try:
        return f" (128 + {code - 128}: {signal.Signals(code - 128).name})"
    except ValueError:
        return ""
