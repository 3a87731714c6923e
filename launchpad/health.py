"""`Health`: whether a launcher can be used here and now, as `Launcher.check` and `launchpad doctor` report it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import closing
from typing import Any

import attrs

from .errors import LaunchError


@attrs.frozen(kw_only=True)
class Health:
    """The result of a check. `version` is the engine's; `detail` is its address, or why it cannot be used.

    `advice` says what to do, also about an engine that can be used with restrictions.
    """

    usable: bool
    version: str = ""
    detail: str = ""
    advice: str = ""


def default_check(launcher: Any) -> Health:
    """The result of the check in the launcher's package or, without one, whether the launcher connects."""
    try:
        check = _check_of(type(launcher))
        if check is not None:
            return check(launcher)
        with closing(launcher.connect()) as backend:
            return Health(usable=True, detail=backend.engine)
    except LaunchError as error:
        return Health(usable=False, detail=str(error))


def _check_of(cls: type) -> Callable[[Any], Health] | None:
    """The function `check` of the module `check` in the package of a class, or of its nearest base class with one."""
    for base in cls.__mro__:
        package = base.__module__.rpartition(".")[0]
        if package and importlib.util.find_spec(f"{package}.check") is not None:
            check: Callable[[Any], Health] = importlib.import_module(f"{package}.check").check
            return check
    return None
