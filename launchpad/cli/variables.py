"""The variables of `--env` and `--env-file`."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping

from .arguments import BadValue


def given(arguments: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of `NAME=VALUE` arguments; `NAME` alone takes the value from `environment`."""
    variables = {}
    for position, argument in enumerate(arguments, start=1):
        name, equals, value = argument.partition("=")
        if not name:
            raise BadValue(f"--env takes NAME=VALUE or NAME: number {position} of them has no name")
        variables[name] = value if equals else _passed_on(name, environment, "--env ")
    return variables


def in_files(paths: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of files with lines as `docker run --env-file` reads them: values are taken as they are written.

    BadValue with file and line for an invalid line; OSError if a file cannot be read.
    """
    variables: dict[str, str] = {}
    for path in paths:
        with open(path, "rb") as stream:
            lines = stream.read().removeprefix(codecs.BOM_UTF8).split(b"\n")
        for number, line in enumerate(lines, start=1):
            variables.update(_variable(line, f"{path}:{number}: ", environment))
    return variables


def _variable(raw: bytes, place: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variable in a line; nothing in an empty line or a comment."""
    try:
        line = raw.decode().removesuffix("\r").lstrip()
    except UnicodeDecodeError:
        raise BadValue(f"{place}it is not UTF-8 text") from None
    if not line or line.startswith("#"):
        return {}
    name, equals, value = line.partition("=")
    name = name if equals else name.rstrip()
    if not name:
        raise BadValue(f"{place}a variable needs a name before the =")
    if len(name.split()) > 1 or name != name.strip():
        raise BadValue(f"{place}a variable's name must not contain white space: write NAME=VALUE")
    return {name: value if equals else _passed_on(name, environment, place)}


def _passed_on(name: str, environment: Mapping[str, str], place: str) -> str:
    if name not in environment:
        raise BadValue(f"{place}{name}: there is no such variable to pass on: set it, or write {name}=VALUE")
    return environment[name]
