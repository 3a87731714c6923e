"""The spec of a local process: a plain dict, computed from plain values without I/O."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.backend import Spec
from ..errors import LaunchError
from ..secret import MASK
from ..stdin import StandardInput, encoded
from ..text import quoted, shell_word
from ..variables import IDENTITY

_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_BIN = "Scripts" if sys.platform == "win32" else "bin"

_PYTHON = re.compile(r"\.?(python|pypy|graalpy|ipython|mayapy|hython)", re.IGNORECASE)

SET_VIRTUALENV = "Set `virtualenv` or `condaenv` to an environment that has one."
"""What to do without an interpreter."""

Environment = Mapping[str, str | None]


def build(
    command: Sequence[str],
    env: Environment,
    *,
    working_dir: str | None,
    virtualenv: str | None,
    conda: Sequence[str] | None,
    search_path: str,
    stdin: StandardInput = None,
) -> Spec:
    """The spec of a process that runs `command` and reads `stdin`.

    `env` has the variables to set, or to remove (None), in the inherited environment; a virtualenv's programs are put
    before `search_path` on the PATH.
    """
    if conda is not None and command[0].startswith("-"):
        raise LaunchError(
            f"The program {quoted(command[0])} cannot be run by conda, which takes it for an option: give its path."
        )
    added: dict[str, str | None] = {}
    if virtualenv is not None:
        bin_dir = os.path.join(virtualenv, _BIN)
        path = os.pathsep.join(part for part in (bin_dir, search_path) if part)
        added = {"VIRTUAL_ENV": virtualenv, "PYTHONHOME": None, "PATH": path}
    return {
        "command": [*(conda or ()), *command],
        "env": {**env, **added},
        "working_dir": working_dir,
        "virtualenv": virtualenv,
        "conda": conda is not None,
        **({} if stdin is None else {"stdin": stdin}),
    }


def python_of(virtualenv: str | None, conda: Sequence[str] | None) -> str:
    """The interpreter that runs entrypoints: the environment's or, without an environment, this process's.

    LaunchError if this process is a program that embeds Python: which interpreter runs its functions is not known.
    """
    if virtualenv is not None:
        return os.path.join(virtualenv, _BIN, "python")
    if conda is not None:
        return "python"
    python: str | None = sys.executable  # None or "" in some programs, and in others the program itself
    if not python or getattr(sys, "frozen", False) or not _is_python(python):
        raise LaunchError(f"There is no Python to run functions by: sys.executable is {python!r}. {SET_VIRTUALENV}")
    return python


def _is_python(path: str) -> bool:
    """Whether the name of a program, or of the file that it links to, is that of a Python interpreter."""
    if _PYTHON.match(os.path.basename(path)):
        return True
    return bool(_PYTHON.match(os.path.basename(os.path.realpath(path))))  # a realpath takes 50 µs


def is_conda_path(environment: str) -> bool:
    """Whether a conda environment is given by its path. A name cannot contain a slash."""
    return environment.startswith("~") or "/" in environment


def conda_command(environment: str, conda: str) -> list[str]:
    """The words to put before a command, so that it runs in a conda environment, given by its name or its path."""
    path = os.path.expanduser(environment)
    selected = ["--prefix", os.path.realpath(path)] if is_conda_path(environment) else ["--name", environment]
    return [conda, "run", *selected, "--no-capture-output"]


def conda_prefix(spec: Spec) -> str | None:
    """The directory of the conda environment that a command runs in; None unless it was given by its path."""
    return spec["command"][3] if spec["conda"] and spec["command"][2] == "--prefix" else None


def render(spec: Spec, reveal: bool) -> str:
    """The spec as a command for `sh`, which it runs as printed with `reveal`; else `env` and the input are masked."""
    words = [] if spec["working_dir"] is None else [f"cd {shell_word(spec['working_dir'])} && \\"]
    if "stdin" in spec:
        words.append(f"{_feeding(spec['stdin'], reveal)} | \\")
    shown = {
        name: value if reveal or name in IDENTITY else MASK for name, value in spec["env"].items() if value is not None
    }
    removed = [name for name, value in spec["env"].items() if value is None]
    by_shell = [name for name in shown if _SHELL_NAME.match(name)]
    by_env = [name for name in shown if not _SHELL_NAME.match(name)]
    words += [f"{name}={shell_word(shown[name])} \\" for name in by_shell]
    if removed or by_env:
        words += ["env \\", *(f"-u {shell_word(name)} \\" for name in removed)]
        words += [f"{shell_word(f'{name}={shown[name]}')} \\" for name in by_env]
    return "\n".join([*words, " ".join(map(shell_word, spec["command"]))])


def _feeding(stdin: StandardInput, reveal: bool) -> str:
    """The command for `sh` that writes the input of a run."""
    if not isinstance(stdin, str | bytes):
        return f"cat {shell_word(os.path.abspath(os.path.expanduser(stdin)))}" if isinstance(stdin, Path) else "cat"
    if not reveal:
        return f"printf %s {shell_word(MASK)}"
    if isinstance(stdin, str) and "\0" not in stdin:
        return f"printf %s {shell_word(stdin)}"
    return f"printf {shell_word(''.join(f'{chr(92)}{byte:03o}' for byte in encoded(stdin)))}"
