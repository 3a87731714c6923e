"""`Health`: whether a launcher can be used here and now, as `Launcher.check` and `launchpad doctor` report it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Health:
    """The result of a check. `version` is the engine's; `detail` is its address, or why it cannot be used.

    `advice` says what to do, also about an engine that can be used with restrictions.
    """

    usable: bool
    version: str = ""
    detail: str = ""
    advice: str = ""


def check_beside(cls: type) -> Callable[[Any], Health] | None:
    """The function `check` of the module `check` in the package of a launcher class, or of its nearest base with one.

    None if there is no such module. A check may ask the engine; a LaunchError from it means "not usable".
    """
    for base in cls.__mro__:
        package = base.__module__.rpartition(".")[0]
        if package and importlib.util.find_spec(f"{package}.check") is not None:
            check: Callable[[Any], Health] = importlib.import_module(f"{package}.check").check
            return check
    return None
