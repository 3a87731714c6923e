"""From a function to the entrypoint that names it, and from an entrypoint to the command that runs it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING

from . import engine

if TYPE_CHECKING:
    from .models import Run

PARAMETERS_VARIABLE = engine.PARAMETERS_VARIABLE


_MAIN = ("__main__", "__mp_main__")  # a script, also as multiprocessing's children know it


def entrypoint_of(function: Callable[..., object]) -> str:
    """The entrypoint that names `function`; ValueError, with the way out, where nothing can name it."""
    if inspect.ismethod(function):
        raise ValueError(f"{function.__qualname__} is a method: {_CALL_IT}")
    if not isinstance(function, FunctionType):
        raise ValueError(f"Run.of takes a function defined with def, not {type(function).__name__}: {_CALL_IT}")
    if function.__name__ == "<lambda>":
        raise ValueError("a lambda has no name to import it by: write it with def, at the top level of a module")
    if "<locals>" in function.__qualname__:
        raise ValueError(
            f"{function.__qualname__} is defined inside another function: move it to the top level of a module, and "
            "pass what it closes over as parameters (if a decorator made it, have that use functools.wraps)"
        )
    if function.__qualname__ != function.__name__:
        raise ValueError(f"{function.__qualname__} belongs to a class: {_CALL_IT}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ValueError(f"{function.__name__} yields, and nobody would take what it yields: {_CALL_IT}")
    return f"{_place_of(function)}:{function.__name__}"


_CALL_IT = "call it in a function at the top level of a module, and make the run of that"


def _place_of(function: FunctionType) -> str:
    """The module or the file that a new process finds `function` in."""
    if function.__module__ in _MAIN:
        place, scope = _script_of(function)
    else:
        place = function.__module__
        scope = getattr(sys.modules.get(place), "__dict__", {})
    if scope.get(function.__name__) is not function:
        raise ValueError(
            f"{place} has no {function.__name__} that is this function, so a new process would not find it: "
            "give it the name that it is defined by, at the top level of a module that can be imported"
        )
    return place


def _script_of(function: FunctionType) -> tuple[str, dict[str, object]]:
    """What names the script that `function` is defined in (a module, after `python -m`, or a file), and its names."""
    original = inspect.unwrap(function)
    defined = original if isinstance(original, FunctionType) else function
    scope = defined.__globals__
    spec = scope.get("__spec__")
    if spec is not None and spec.name not in _MAIN:
        return spec.name, scope
    path = os.path.abspath(scope.get("__file__") or "")
    if not path.endswith(".py") or path != os.path.abspath(defined.__code__.co_filename):
        raise ValueError(
            f"{function.__name__} is defined in a notebook or at a prompt, where a new process cannot import it: "
            "save it in a .py file (in a notebook: %%writefile tasks.py) and import it from there"
        )
    return path, scope


def local_command(run: Run, python: str) -> list[str]:
    """The command that calls the run's entrypoint with the interpreter `python` of this machine."""
    assert run.entrypoint is not None
    return [python, os.path.abspath(engine.__file__), run.entrypoint]


def portable_command(run: Run, python: str = "python") -> list[str]:
    """The command that calls the run's entrypoint where launchpad is not installed: it brings the engine along."""
    assert run.entrypoint is not None
    return [python, "-c", _engine_source(), run.entrypoint]


def parameters_environment(run: Run) -> dict[str, str]:
    """The variable by which the parameters travel: the arguments of a process are there for everyone to read."""
    if run.entrypoint is None:
        return {}
    import json  # takes a tenth of the time of importing launchpad: on first use

    return {PARAMETERS_VARIABLE: json.dumps(run.parameters)}


@cache
def _engine_source() -> str:
    with open(engine.__file__, encoding="utf-8") as source:
        return source.read()
