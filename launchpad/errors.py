"""The errors of runs that could not be launched or found. Their messages say what to do.

A run that started and did not succeed raises no error: `submit` returns False, and the Outcome has the reason.
"""

from __future__ import annotations

from .text import printable


class LaunchError(RuntimeError):
    """A run could not be launched or found. The message says what to change.

    It is one line: it may have words of the engine, whose control characters are escaped.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(printable(arg) if isinstance(arg, str) else arg for arg in args))


class EngineUnavailable(LaunchError):
    """The engine, or the package that speaks to it, cannot be reached. Start or install it, then try again."""


class ImagePullError(LaunchError):
    """The image could not be pulled. Check its name, its tag and the login of the registry."""


class NameConflict(LaunchError):
    """Every name that was tried is taken. Choose another name, or remove what carries this one."""


class RunNotFound(LaunchError):
    """The engine no longer knows the run of this handle: it was removed, or its end was not recorded."""


class InvalidHandle(RunNotFound):
    """The handle was changed or made up: it does not name what launchpad started for its run."""


class RunNotAvailable(LaunchError):
    """The handle belongs to another engine (host, cluster, namespace) than the launcher that was asked."""
