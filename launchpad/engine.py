"""Calls an entrypoint with its parameters. This is the program of a run that has an entrypoint.

It needs only the standard library (Python 3.7 or later), so that it works in any environment and image. Locally it is
run by its path; for a container its source is passed on the command line (`python -c`).

    python engine.py package.module:function          # or path/to/file.py:function

Exit status: 0 if the function returns, 1 with its traceback if it raises, its own code on SystemExit, 2 with one line
if the module or the function does not exist.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # before any other import: our own directory would hide modules such as subprocess or docker

import importlib

TYPE_CHECKING = False  # typing takes longer to import than everything else here
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any

IMPORTING = "_launchpad_importing"
"""The attribute of `sys` with the entrypoint whose module is being imported: launchpad launches nothing meanwhile."""

PARAMETERS_VARIABLE = "LAUNCHPAD_PARAMETERS"
"""The variable with the parameters as a JSON object, removed before the function's module is imported."""


class NotFound(Exception):
    """A module, file or function does not exist."""


def main(entrypoint: str) -> int:
    import json

    parameters = json.loads(os.environ.pop(PARAMETERS_VARIABLE, "{}"))
    sys.argv[:] = [entrypoint.rpartition(":")[0]]  # a function that parses sys.argv gets no arguments
    try:
        function = find(entrypoint)
    except NotFound as error:
        sys.stderr.write(f"launchpad: cannot run {entrypoint!r}: {error}\n")
        return 2
    result = function(**parameters)
    if hasattr(result, "__await__"):
        import asyncio

        asyncio.run(_awaited(result))
    return 0


async def _awaited(result: Any) -> None:
    await result


def find(entrypoint: str) -> Any:
    """The function that `entrypoint` names. NotFound, or any error that importing its module raises."""
    place, _, name = entrypoint.rpartition(":")
    setattr(sys, IMPORTING, entrypoint)
    try:
        module = _load_file(place) if place.endswith(".py") else _load_module(place)
    finally:
        delattr(sys, IMPORTING)
    function = getattr(module, name, None)
    if not callable(function):
        what = "is not a function" if hasattr(module, name) else "does not exist"
        raise NotFound(f"{name} {what} in {place}")
    return function


def _load_module(name: str) -> ModuleType:
    try:
        folder = os.getcwd()
        sys.path.insert(0, folder)
    except OSError:
        folder = "no working directory, since it was removed,"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise NotFound(f"there is no module {error.name} (looked in {folder} first)") from None
        raise


def _load_file(path: str) -> ModuleType:
    """The module in a file, under the file's name if that is free, so that its objects can be pickled."""
    from importlib.util import module_from_spec, spec_from_file_location

    try:
        path = os.path.abspath(path)
    except OSError:
        raise NotFound(f"there is no file {path}: the working directory was removed") from None
    if not os.path.isfile(path):
        raise NotFound(f"there is no file {path}")
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules or "." in name:
        name = "launchpad_entrypoint"
    spec = spec_from_file_location(name, path)
    assert spec is not None  # every .py file has one
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _show_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints a traceback without the frames of this program."""
    own, step = trace, trace
    while step is not None:
        if step.tb_frame.f_globals is globals():
            own = step.tb_next
        step = step.tb_next
    while own is not None and _is_import_system(own.tb_frame.f_globals.get("__name__")):
        own = own.tb_next
    sys.__excepthook__(kind, error.with_traceback(own), own)


def _is_import_system(module: object) -> bool:
    return str(module).partition(".")[0] in ("importlib", "_frozen_importlib", "_frozen_importlib_external")


def _behave_as_a_run() -> None:
    """Makes printed lines visible at once, and makes SIGTERM end a container."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    if os.getpid() == 1:  # the first process of a container, which ignores signals without a handler
        import signal

        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


if __name__ == "__main__":
    sys.excepthook = _show_error
    _behave_as_a_run()
    sys.exit(main(sys.argv[1]))
