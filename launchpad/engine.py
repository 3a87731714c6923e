"""Runs inside a run: calls an entrypoint with its parameters, and exits with what came of it.

It needs the standard library alone (Python 3.7 on), so that it works in any environment and image: locally it is run
by its path, in a container its source comes along on the command line (`python -c`).

    python engine.py package.module:function          # or path/to/file.py:function

Exit status: 0 when the function returns, 1 with its traceback when it raises, its own on SystemExit, 2 with one line
where the module or the function does not exist.
"""

import importlib
import importlib.util
import json
import os
import sys
from types import ModuleType
from typing import Any

PARAMETERS_VARIABLE = "LAUNCHPAD_PARAMETERS"
"""Holds the parameters as a JSON object; taken out of the environment before the function is called."""


class NotFound(Exception):
    """There is no such module, file or function."""


def main(entrypoint: str) -> int:
    parameters = json.loads(os.environ.pop(PARAMETERS_VARIABLE, "{}"))
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
    """The function that `entrypoint` names; NotFound, or whatever its module raises when it is imported."""
    place, _, name = entrypoint.rpartition(":")
    module = _load_file(place) if place.endswith(".py") else _load_module(place)
    function = getattr(module, name, None)
    if not callable(function):
        what = "is no function" if hasattr(module, name) else "does not exist"
        raise NotFound(f"{name} {what} in {place}")
    return function


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise NotFound(f"there is no module {error.name} (looked in {os.getcwd()} first)") from None
        raise


def _load_file(path: str) -> ModuleType:
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise NotFound(f"there is no file {path}")
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    if name in sys.modules or not name.isidentifier():
        name = "launchpad_entrypoint"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # it is there for every .py file
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _leave_own_frames(kind: Any, error: BaseException, trace: Any) -> None:
    """Prints a traceback that begins where the user's code does."""
    first = trace
    while trace is not None and trace.tb_frame.f_code.co_filename == main.__code__.co_filename:
        trace = trace.tb_next
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("importlib."):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace or first), trace or first)


if __name__ == "__main__":
    _own_folder = os.path.dirname(os.path.abspath(sys.argv[0]))
    if sys.path and os.path.abspath(sys.path[0]) == _own_folder and sys.argv[0].endswith("engine.py"):
        del sys.path[0]  # our own folder, whose files would hide packages such as docker
    sys.excepthook = _leave_own_frames
    sys.exit(main(sys.argv[1]))
