"""Shortages: what this process or this machine lacks. They are not faults of an engine, though its requests fail."""

from __future__ import annotations

import errno
import time

from ..errors import EngineUnavailable, LaunchError

RETRY_INTERVAL = 0.2
"""Seconds after which something that failed for a shortage is tried again."""

LONGEST_SHORTAGE = 30.0
"""Seconds that a shortage may last until a run that cannot be followed is given up."""

ADVICE = {
    errno.EMFILE: "this process has too many open files: raise the limit (ulimit -n) or use fewer workers",
    errno.ENFILE: "the system has too many open files: use fewer workers",
    errno.ENOMEM: "the system has no memory for another process: use fewer workers",
}
"""What to do, by the number of an OSError."""

_NO_THREAD = "the system has no room for another thread: raise the limit (ulimit -u) or use fewer workers"
_NO_MEMORY = "this process has no memory left: use fewer workers"


def advice_on(error: BaseException | None) -> str | None:
    """What to do about the shortage that `error`, or an error that has led to it, reports; None if none does."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in ADVICE:
            return ADVICE[error.errno]
        if isinstance(error, RuntimeError) and str(error).startswith("can't start new thread"):
            return _NO_THREAD
        if isinstance(error, MemoryError):
            return _NO_MEMORY
        error = error.__cause__ or error.__context__
    return None


def failure_of_start(name: str, error: Exception) -> Exception:
    """The error of a start of the run `name`. If a shortage has led to it, no engine is to blame."""
    advice = advice_on(error)
    if advice is None or (isinstance(error, LaunchError) and not isinstance(error, EngineUnavailable)):
        return error
    return LaunchError(f"Run {name!r} cannot be launched: {advice}.")


class Shortage:
    """The shortages that one thread meets again and again. `failure` begins the message if one lasts too long."""

    def __init__(self, failure: str) -> None:
        self._failure = failure
        self._since = self._seen_at = 0.0  # when (monotonic) it began, and when it was last seen

    def wait_out(self, error: Exception) -> None:
        """Sleeps a little if a shortage has led to `error`. Any other error is raised; LaunchError if it lasts."""
        advice, now = advice_on(error), time.monotonic()
        if advice is None:
            raise error
        if now - self._seen_at > 5 * RETRY_INTERVAL:
            self._since = now
        elif now - self._since > LONGEST_SHORTAGE:
            raise LaunchError(f"{self._failure}: {advice}.") from error
        time.sleep(RETRY_INTERVAL)
        self._seen_at = time.monotonic()
