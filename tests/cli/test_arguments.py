"""NAME=VALUE on the command line."""

from __future__ import annotations

from typing import ClassVar

import attrs
import pytest

from launchpad import SubprocessLauncher
from launchpad.cli.arguments import BadValue, parameters, parse, settings


@attrs.frozen(kw_only=True)
class Elsewhere(SubprocessLauncher):
    """With the kinds of fields that a launcher may have."""

    type: ClassVar[str] = "elsewhere"

    user: str | None = None
    cpus: float | None = None
    labels: dict[str, str] = attrs.Factory(dict)
    resources: dict[str, dict[str, str]] = attrs.Factory(dict)
    networks: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ('"1"', "1"),
        ("[a, b]", ["a", "b"]),
        ('{"a": [1]}', {"a": [1]}),
        ("{a: 1}", {"a": 1}),
        (
            "[010, 12:30, no, 1.50, true, null, 1e3, 2024-01-02, 0x1F]",
            ["010", "12:30", "no", 1.5, True, None, 1e3, "2024-01-02", "0x1F"],
        ),
        ("[\"010\", '1']", ["010", "1"]),
        ("", ""),
        ("no", "no"),
        ("10:20", "10:20"),
        ("2024-01-02", "2024-01-02"),
        ("NaN", "NaN"),
        ("python:3.11", "python:3.11"),
    ],
)
def test_a_value_is_json_or_a_yaml_list_or_else_text(text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["grace=2.5"], {"grace": 2.5}),
        (["user=1000"], {"user": "1000"}),
        (["cpus=2"], {"cpus": 2}),
        (["labels.app.kubernetes.io/name=7"], {"labels": {"app.kubernetes.io/name": "7"}}),
        (["env.A=true", "env.B=x=y"], {"env": {"A": "true", "B": "x=y"}}),
        (
            ["resources.limits.cpu=1", "resources.limits.memory=1Gi"],
            {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
        ),
        (["networks=[a, 010, no]"], {"networks": ["a", "010", "no"]}),
        (["labels={a: 1.10, 010: yes}"], {"labels": {"a": "1.10", "010": "yes"}}),
        (["user=[a"], {"user": "[a"}),
        (["grace=1", "grace=2"], {"grace": 2}),
        (["unknown.key=1"], {"unknown": {"key": 1}}),
    ],
)
def test_settings_are_read_by_the_type_of_their_field(arguments: list[str], expected: dict[str, object]) -> None:
    assert settings(arguments, Elsewhere) == expected


def test_a_key_of_a_setting_that_is_not_a_mapping_is_refused() -> None:
    with pytest.raises(BadValue, match=r"--set grace\.x: grace has a value already"):
        settings(["grace=1", "grace.x=2"], Elsewhere)


def test_an_invalid_list_is_an_error_that_names_the_argument() -> None:
    with pytest.raises(BadValue, match="--param days: it is not a valid list or mapping"):
        parameters(["days=[1, 2"])


@pytest.mark.parametrize("text", ["{A:hunter2}", "{B: 1, A:hunter2}", "{A:hunter2, B: 1}", "{B: {A:hunter2}}"])
def test_a_mapping_without_the_space_after_the_colon_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match=r"A: write a space after the colon, as in \{A: value\}") as caught:
        settings([f"env={text}"], Elsewhere)
    assert "hunter2" not in str(caught.value)


def test_parameters_keep_the_types_of_json() -> None:
    assert parameters(["day=today", "count=3"]) == {"day": "today", "count": 3}
