"""Calls an entrypoint with its parameters. This is the program of a run that has an entrypoint.

It needs only the standard library (Python 3.7 or later), so that it works in any environment and image. Locally it is
run by its path; for a container its source is passed on the command line (`python -c`).

    python engine.py package.module:function          # or path/to/file.py:function

Exit status: 0 if the function returns, 1 with its traceback if it raises, its own code on SystemExit, 2 with one line
if the module or the function does not exist.

What the function returns or raises is written to the file that LAUNCHPAD_RESULT names, as `launchpad.results` reads it.
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


RESULT_VARIABLE = "LAUNCHPAD_RESULT"
"""The variable that says where the result goes: the bytes that it may have, and the paths to try, a line each.

It is removed as well: processes that the function starts do not write a result.
"""


class _Terminated(SystemExit):
    """The run was asked to end: no error of its function."""


class NotFound(Exception):
    """A module, file or function does not exist."""


def main(entrypoint: str) -> int:
    import json

    place, process = os.environ.pop(RESULT_VARIABLE, ""), os.getpid()
    parameters = json.loads(os.environ.pop(PARAMETERS_VARIABLE, "{}"))
    _remove_older(place)
    sys.argv[:] = [entrypoint.rpartition(":")[0]]  # a function that parses sys.argv gets no arguments
    try:
        value = _call(find(entrypoint), parameters)
    except BaseException as error:
        if place and os.getpid() == process and not isinstance(error, _Terminated):
            _write(place, _error_report, error)
        if not isinstance(error, NotFound):
            raise
        sys.stderr.write(f"launchpad: cannot run {entrypoint!r}: {error}\n")
        return 2
    if place and os.getpid() == process:  # not a child that the function has forked
        _write(place, value_report, value)
    return 0


def _call(function: Any, parameters: Any) -> Any:
    value = function(**parameters)
    if hasattr(value, "__await__"):
        import asyncio

        value = asyncio.run(_awaited(value))
    return value


async def _awaited(value: Any) -> Any:
    return await value


def _remove_older(place: str) -> None:
    """Removes the result of an earlier run, in a folder that several containers share."""
    for path in place.split("\n")[1:]:
        try:
            os.unlink(path)
        except OSError:
            continue


def _write(place: str, make_report: Any, result: Any) -> None:
    """Writes a report to the first path that can be written. Without one, the run goes on without a result."""
    limit, *paths = place.split("\n")
    try:
        report = make_report(result, int(limit))
    except BaseException:  # out of memory, or a method that exits: it must not hide how the function ended
        return
    for path in paths:
        try:
            with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(report)
            return
        except OSError:
            continue


def value_report(value: Any, limit: int) -> bytes:
    """The report of a value, in at most `limit` bytes: the value, or why JSON cannot hold it."""
    try:
        report = _report({"value": value})
    except Exception as error:  # also one of the value's own methods
        why = f"The function returned what JSON cannot hold ({type(error).__name__}: {str(error)[:500]})."
        return _report({"value_error": f"{why} Return plain values, or write a file and return its path as text."})
    if len(report) <= limit:
        return report
    why = f"The value takes {len(report)} bytes as JSON, and this engine returns at most {limit}."
    return _report({"value_error": f"{why} Write it to a file or a storage, and return its path."})


def error_report(kind: str, message: str, trace: str, limit: int) -> bytes:
    """The report of an exception. What has more than `limit` bytes is shortened: first the traceback."""
    while True:
        report = _report({"error": {"type": kind, "message": message, "traceback": trace}})
        excess = len(report) - limit
        if excess <= 0 or not (trace or message[1:]):
            return report
        cut = min(excess + 3, len(trace or message) // 2 + 1)  # a character may take several bytes
        if trace:  # its end says more than its beginning
            trace = trace[cut:] and "…" + trace[cut:]
        else:
            message = message[:-cut] + "…"


def _error_report(error: BaseException, limit: int) -> bytes:
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return value_report(None, limit)
    kind, trace = type(error).__qualname__, ""
    if type(error).__module__ not in ("builtins", "__main__", __name__):
        kind = f"{type(error).__module__}.{kind}"
    try:
        message = str(error)
    except BaseException:
        message = ""
    try:
        if not isinstance(error, NotFound):
            import traceback  # takes as long to import as all else

            trace = "".join(traceback.format_exception(type(error), error, _own_trace(error.__traceback__)))
    except Exception:  # a module of the user's has this name
        pass
    return error_report(kind[:200], message, trace, limit)


def _report(result: Any) -> bytes:
    """A result as JSON after its length: what is cut off at either end is never taken for a result."""
    import json

    data = json.dumps(result, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    return b"launchpad %d\n%b" % (len(data), data)


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
    own = _own_trace(trace)
    sys.__excepthook__(kind, error.with_traceback(own), own)


def _own_trace(trace: TracebackType | None) -> TracebackType | None:
    """The part of a traceback after the frames of this program."""
    own, step = trace, trace
    while step is not None:
        if step.tb_frame.f_globals is globals():
            own = step.tb_next
        step = step.tb_next
    while own is not None and _is_import_system(own.tb_frame.f_globals.get("__name__")):
        own = own.tb_next
    return own


def _is_import_system(module: object) -> bool:
    return str(module).partition(".")[0] in ("importlib", "_frozen_importlib", "_frozen_importlib_external")


def _behave_as_a_run() -> None:
    """Makes printed lines visible at once, and makes SIGTERM end a container."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    if os.getpid() == 1:  # the first process of a container, which ignores signals without a handler
        import signal

        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: Any) -> None:
    raise _Terminated(128 + number)


if __name__ == "__main__":
    sys.excepthook = _show_error
    _behave_as_a_run()
    sys.exit(main(sys.argv[1]))
