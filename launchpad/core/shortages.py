"""Shortages: what this process or this machine lacks. They are not faults of an engine, though its requests fail."""

from __future__ import annotations

import errno

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
