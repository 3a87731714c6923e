"""From a function to the entrypoint that names it, and from an entrypoint to the command that runs it."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import engine

if TYPE_CHECKING:
    from .models import Run

PARAMETERS_VARIABLE = engine.PARAMETERS_VARIABLE


def entrypoint_of(function: Callable[..., object]) -> str:
    """The entrypoint that names `function`; ValueError, with the way out, where nothing can name it."""
    if not inspect.isfunction(function):
        raise ValueError(
            f"Run.of takes a function defined with def, not {type(function).__name__}: call it in a module's function"
        )
    if function.__name__ == "<lambda>":
        raise ValueError("a lambda has no name to import it by: write it with def, at the top level of a module")
    if "<locals>" in function.__qualname__:
        raise ValueError(
            f"{function.__qualname__} is defined inside another function: move it to the top level of a module, "
            "and pass what it closes over as parameters"
        )
    if function.__qualname__ != function.__name__:
        raise ValueError(f"{function.__qualname__} is a method: call it from a function at the top level of a module")
    return f"{_place_of(function)}:{function.__name__}"


def _place_of(function: Callable[..., object]) -> str:
    module = function.__module__
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    if (spec := getattr(main, "__spec__", None)) is not None:  # python -m package.module
        return str(spec.name)
    path = os.path.abspath(function.__code__.co_filename)
    if path.endswith(".py") and path == os.path.abspath(getattr(main, "__file__", None) or ""):
        return path
    raise ValueError(
        f"{function.__name__} is defined in a notebook or at a prompt, where a new process cannot import it: "
        "save it in a .py file (in a notebook: %%writefile tasks.py) and import it from there"
    )


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
    return {PARAMETERS_VARIABLE: json.dumps(run.parameters)} if run.entrypoint is not None else {}


@cache
def _engine_source() -> str:
    return Path(engine.__file__).read_text(encoding="utf-8")
