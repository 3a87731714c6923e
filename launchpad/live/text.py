"""Words for people: what is shown of a run, in one line that no terminal takes for commands. Pure functions."""

from __future__ import annotations

from concurrent.futures import Future

from ..errors import LaunchError
from ..models import Outcome, Run

_JOINERS = "\u200c\u200d"  # not printable by themselves, and part of words in Persian, of emoji

NOT_LAUNCHED = "not_launched"
"""What is said of a run that could not be launched: it has no Reason."""


def one_line(text: str) -> str:
    """`text` in one line: white space is collapsed, control characters and those that turn its direction escaped."""
    words = " ".join(text.split())
    return words if words.isprintable() else "".join(map(_shown, words))


def why(outcome: Outcome) -> str:
    """How a run ended, in a sentence or two that begin with the reason."""
    return one_line(f"{outcome.reason}: {outcome.message} {outcome.hint}")


def why_not(error: BaseException) -> str:
    """Why there is no outcome."""
    what = NOT_LAUNCHED if isinstance(error, LaunchError) else type(error).__name__
    return one_line(f"{what}: {error}")


def name_of(future: Future[object]) -> str:
    """What a future is called: its run's name, where it has one."""
    run = getattr(future, "run", None)
    return one_line(run.name) if isinstance(run, Run) else "a call"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds, as short as they can be: `0:07`, `12:30`, `3:00:00`, `2d 3:00:00`."""
    days, rest = divmod(int(seconds), 24 * 3600)
    hours, minutes, left = rest // 3600, rest // 60 % 60, rest % 60
    clock = f"{hours}:{minutes:02}:{left:02}" if days or hours else f"{minutes}:{left:02}"
    return f"{days}d {clock}" if days else clock


def _shown(char: str) -> str:
    return char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode()
