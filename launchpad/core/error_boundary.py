"""What a user sees of a LaunchError: its message, at most one cause, and one frame of launchpad."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ..errors import LaunchError
from .shortages import advice_on

P = ParamSpec("P")
T = TypeVar("T")

_logger = logging.getLogger("launchpad")


def error_boundary(function: Callable[P, T]) -> Callable[P, T]:
    """Makes a public method raise its LaunchErrors as `simplified` leaves them."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except LaunchError as error:
            raise simplified(error) from error.__cause__

    return call


def simplified(error: LaunchError) -> LaunchError:
    """The same error without the frames and the chain of errors inside launchpad.

    The message says what went wrong and what to do; the frames are of use to those who work on launchpad, and bury the
    message in a notebook. The whole traceback is logged at the level DEBUG.
    """
    _logger.debug("A LaunchError, with its whole traceback", exc_info=error)
    advice = advice_on(error)
    if advice is not None and advice not in str(error):  # whatever the engine's code takes the error for
        error.args = (f"{error} {advice[0].upper()}{advice[1:]}.",)
    cause = _foreign_cause(error)
    if cause is not None:
        cause.__cause__ = cause.__context__ = None
        cause = cause.with_traceback(None)
    error.__cause__, error.__context__ = cause, None
    return error.with_traceback(None)


def _foreign_cause(error: BaseException) -> BaseException | None:
    """The nearest cause that launchpad did not raise itself: the engine's package's error, or the system's."""
    cause = error.__cause__  # and not __context__, which may be an error that the caller is handling
    while cause is not None and type(cause).__module__.partition(".")[0] == "launchpad":
        cause = cause.__cause__
    return cause
