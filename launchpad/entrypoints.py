"""The entrypoint of a function, and the command that calls an entrypoint."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import FunctionType
from typing import Any

from . import engine
from .errors import LaunchError
from .secret import Secret
from .suggestions import did_you_mean

_MAIN = ("__main__", "__mp_main__")  # the names of a script's module, the second in children of multiprocessing


def entrypoint_of(function: Callable[..., object]) -> str:
    """The entrypoint of `function`. ValueError that says what to do if a new process could not import it."""
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
        raise ValueError(f"{function.__name__} is a generator, and nothing would consume it: {_CALL_IT}")
    return f"{_place_of(function)}:{function.__name__}"


def check_parameters(function: Callable[..., object], parameters: Mapping[str, object]) -> None:
    """ValueError, with a suggestion, if `function` cannot be called with `parameters` as keyword arguments."""
    if faults := list(_faults(function, parameters)):
        raise ValueError(f"{function.__name__} cannot take these parameters: {'; '.join(faults)}")


def _faults(function: Callable[..., object], given: Mapping[str, object]) -> Iterator[str]:
    # Of a decorated function, the decorator's own signature: it may pass on other arguments than it receives.
    signature = inspect.signature(function, follow_wrapped=False).parameters.values()
    positional = {one.name for one in signature if one.kind is one.POSITIONAL_ONLY}
    named = {one.name: one.default for one in signature if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    if not any(one.kind is one.VAR_KEYWORD for one in signature):
        for name in given:
            if name in positional:
                yield f"{name!r} is positional-only (before the /), and parameters are passed by name"
            elif name not in named:
                yield f"it has no {name!r}{_suggestion(name, list(named))}"
    for one in signature:
        if one.default is one.empty and one.name not in given:
            if one.name in named:
                yield f"it needs {one.name!r}"
            elif one.name in positional:
                yield f"it needs {one.name!r}, which is positional-only (before the /): parameters are passed by name"


def _suggestion(name: str, known: list[str]) -> str:
    """What to write instead of `name`."""
    return did_you_mean(name, known) or (f" (it has {', '.join(map(repr, known))})" if known else " (it has none)")


_CALL_IT = "call it in a function at the top level of a module, and pass that function"


def _place_of(function: FunctionType) -> str:
    """The module or the file that a new process can import `function` from."""
    if function.__module__ in _MAIN:
        place, scope = _script_of(function)
    else:
        place = function.__module__
        scope = getattr(sys.modules.get(place), "__dict__", {})
    if scope.get(function.__name__) is not function:
        raise ValueError(
            f"{place} has no {function.__name__} that is this function, so a new process would not find it: "
            "define it under its own name at the top level of a module that can be imported"
        )
    return place


def _script_of(function: FunctionType) -> tuple[str, dict[str, object]]:
    """The module (after `python -m`) or file of the script that defines `function`, and its global names."""
    original = inspect.unwrap(function)
    defined = original if isinstance(original, FunctionType) else function
    scope = defined.__globals__
    spec = scope.get("__spec__")
    if spec is not None and spec.name not in _MAIN:
        return spec.name, scope
    path = str(scope.get("__file__") or "")
    path = os.path.abspath(path) if path.endswith(".py") else ""
    if not path or path != os.path.abspath(defined.__code__.co_filename):
        raise ValueError(
            f"{function.__name__} is defined in a notebook or at a prompt, where a new process cannot import it: "
            "save it in a .py file (in a notebook: %%writefile tasks.py) and import it from there"
        )
    return path, scope


def refuse_while_importing() -> None:
    """LaunchError if this process is a run that is importing its entrypoint's module.

    What is launched meanwhile would import the module too, and so launch itself again and again.
    """
    importing = vars(sys).get(engine.IMPORTING)
    if importing is not None:
        raise LaunchError(
            f"A run is launched while the module of the entrypoint {importing!r} is being imported, which every such "
            'run would do again: put the code that launches under `if __name__ == "__main__":`, or in a function.'
        )


def local_command(entrypoint: str | None, python: str) -> list[str]:
    """The command that calls `entrypoint` with the interpreter `python` of this machine."""
    assert entrypoint is not None  # a run without a command has one
    return [python, os.path.abspath(engine.__file__), entrypoint]


def portable_command(entrypoint: str | None, python: str = "python") -> list[str]:
    """The command that calls `entrypoint` where launchpad is not installed: it contains the engine's source."""
    assert entrypoint is not None  # as above
    return [python, "-c", _engine_source(), entrypoint]


def parameters_environment(entrypoint: str | None, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The variable that passes the parameters to the engine; command lines can be read by every user of a machine."""
    if entrypoint is None:
        return {}
    import json  # takes a tenth of the time of importing launchpad

    return {engine.PARAMETERS_VARIABLE: Secret(json.dumps(parameters))}


def result_environment(entrypoint: str | None, limit: int, *paths: str) -> dict[str, str]:
    """The variable that says where the engine writes the result: the first of `paths` that can be written."""
    return {} if entrypoint is None else {engine.RESULT_VARIABLE: "\n".join([str(limit), *paths])}


@cache
def _engine_source() -> str:
    with open(engine.__file__, encoding="utf-8") as source:
        return source.read()
