"""How runs, failures and times are shown to people, in one line each. Pure functions."""

from __future__ import annotations

from concurrent.futures import Future

from ..models import Outcome, Run
from ..text import one_line as one_line


def why(outcome: Outcome) -> str:
    """How a run ended: its reason, message and hint, and the attempt if it is not the first."""
    attempt = f" (attempt {outcome.attempt})" if outcome.attempt > 1 else ""
    return one_line(f"{outcome.reason}{attempt}: {outcome.message} {outcome.hint}")


def why_not(error: BaseException) -> str:
    """Why a call failed: the type of its error and the error's text."""
    return one_line(f"{type(error).__name__}: {error}")


def name_of(future: Future[object]) -> str:
    """The name of a future's run, with its number if its executor has several of that name; else `a call`."""
    run = getattr(future, "run", None)
    if not isinstance(run, Run):
        return "a call"
    return one_line(str(getattr(future, "_label", None) or run.name))


def duration(seconds: float) -> str:
    """Seconds in the shortest form: `0:07`, `12:30`, `3:00:00`, `2d 3:00:00`."""
    days, rest = divmod(int(seconds), 24 * 3600)
    hours, minutes, left = rest // 3600, rest // 60 % 60, rest % 60
    clock = f"{hours}:{minutes:02}:{left:02}" if days or hours else f"{minutes}:{left:02}"
    return f"{days}d {clock}" if days else clock
