"""The paths in a deployment: relative ones are relative to its file, and are written as they were loaded.

The metadata of an attrs field says how paths in it are made absolute. Paths in a container are in no such field.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import attrs

from .launcher import Launcher
from .schema import PATH

WORKING_DIR = "working_dir"


@attrs.frozen
class Origin:
    """The folder of the file that a deployment was loaded from, and its run and its launcher as they stand there."""

    folder: str
    run: dict[str, Any]
    launcher: Launcher


def is_local(launcher: Launcher) -> bool:
    """Whether runs have a working directory of this machine."""
    return WORKING_DIR in _paths_of(launcher)


def resolved(run: dict[str, Any], launcher: Launcher, folder: str) -> tuple[dict[str, Any], Launcher]:
    """The run and the launcher with absolute paths; relative ones are relative to `folder`."""
    changes: dict[str, Any] = {}
    for key, absolute in _paths_of(launcher).items():
        value = getattr(launcher, key)
        if (new := absolute(value, folder)) != value:
            changes[key] = new
    if is_local(launcher) and WORKING_DIR in run:
        run = {**run, WORKING_DIR: _paths_of(launcher)[WORKING_DIR](run[WORKING_DIR], folder)}
    return run, attrs.evolve(launcher, **changes) if changes else launcher


def default_working_dir(run: Mapping[str, Any], launcher: Launcher, origin: Origin | None) -> str | None:
    """The directory in which a local entrypoint is found if none is set: that of the file."""
    if origin is None or "entrypoint" not in run or WORKING_DIR in run or not is_local(launcher):
        return None
    return origin.folder if getattr(launcher, WORKING_DIR) is None else None


def as_written(
    run: dict[str, Any], launcher: Launcher, origin: Origin | None, folder: str
) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """The run, and the values of the launcher's path fields, for a file in `folder`.

    Paths stand there as they were loaded. They are absolute if the file is in another folder than the one that they are
    relative to.
    """
    values: dict[str, Any] = {}
    for key, absolute in _paths_of(launcher).items():
        loaded = getattr(origin.launcher, key, None) if origin else None
        values[key] = _written(getattr(launcher, key), loaded, absolute, origin, folder)
    if is_local(launcher) and WORKING_DIR in run:
        loaded = origin.run.get(WORKING_DIR) if origin else None
        run = {**run, WORKING_DIR: _written(run[WORKING_DIR], loaded, _paths_of(launcher)[WORKING_DIR], origin, folder)}
    default = default_working_dir(run, launcher, origin)
    return run if default in (None, folder) else {**run, WORKING_DIR: default}, values


def _written(value: Any, loaded: Any, absolute: Callable[[Any, str], Any], origin: Origin | None, folder: str) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        before = loaded if isinstance(loaded, list) else []
        known = {absolute([one], origin.folder)[0]: one for one in before} if origin else {}
        return [
            _written(one, known.get(one), lambda one, base: absolute([one], base)[0], origin, folder) for one in value
        ]
    if not isinstance(value, str):
        return value
    if origin and origin.folder == folder and loaded is not None and absolute(loaded, folder) == value:
        return loaded
    here = folder
    with suppress(OSError):  # it was removed
        here = os.getcwd()
    return value if here == folder else absolute(value, here)


def _paths_of(launcher: Launcher) -> dict[str, Callable[[Any, str], Any]]:
    fields = attrs.fields(type(launcher))
    return {field.name: field.metadata[PATH] for field in fields if PATH in field.metadata}
