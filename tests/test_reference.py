"""The tables of the reference have every parameter of the public classes, with its default."""

from __future__ import annotations

import enum
import inspect
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

import launchpad

REFERENCE = (Path(__file__).parent.parent / "docs" / "reference.rst").read_text(encoding="utf-8")

COMMON = {"env", "stream_output", "grace"}
"""The settings of every launcher, which have a table of their own."""


def documented(name: str) -> dict[str, str]:
    """The parameters in the tables below the class `name`, each with the text of its default."""
    section = re.split(
        r"^\.\. auto", REFERENCE.partition(f".. autoclass:: {name}\n")[2], maxsplit=1, flags=re.MULTILINE
    )
    rows = re.findall(r"^   \* - ``(.+?)``\n     - .+\n     - (.+)\n     - .+$", section[0], re.MULTILINE)
    return {parameter: default for names, default in rows for parameter in names.split(", ")}


def parameters(cls: type) -> dict[str, Any]:
    """The parameters of a class with their defaults."""
    if attrs.has(cls):
        fields = [field for field in attrs.fields(cls) if field.init and not field.name.startswith("_")]
        return {field.name: field.default for field in fields}
    return {name: one.default for name, one in inspect.signature(cls).parameters.items()}


@pytest.mark.parametrize(
    "name", ["Run", "SubprocessLauncher", "DockerLauncher", "KubernetesLauncher", "LaunchExecutor", "Retry", "Journal"]
)
def test_every_parameter_of_a_class_is_in_its_table(name: str) -> None:
    missing = set(parameters(getattr(launchpad, name))) - set(documented(name))
    assert missing <= (COMMON if name.endswith("Launcher") else set())
    assert set(documented("SubprocessLauncher")) >= COMMON


@pytest.mark.parametrize("name", ["SubprocessLauncher", "DockerLauncher", "KubernetesLauncher", "LaunchExecutor"])
def test_a_default_in_a_table_is_that_of_the_code(name: str) -> None:
    table = documented(name)
    for parameter, default in parameters(getattr(launchpad, name)).items():
        if parameter in table and isinstance(default, str | int | float | None) and not isinstance(default, enum.Enum):
            assert f"``{default!r}``".replace("'", '"') in table[parameter], parameter
