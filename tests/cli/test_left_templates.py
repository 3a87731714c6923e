"""Templates that were left in a file, and files that are no YAML, are errors of one line with file and line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from launchpad import Deployment
from launchpad.cli.batch_file import read_stream

TEMPLATE = "a template is left in it, such as {{ name }}: render the file first, or put the text in quotes"


def fault(text: str) -> str:
    with pytest.raises(ValueError, match="runs") as caught:
        read_stream(io.BufferedReader(io.BytesIO(text.encode())), "runs")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- command: [a]\n- command: {{ cmd }}\n", "2: command.{{ }}: "),
        ("- command: [echo, {{ x }}]\n", "1: command[1].{{ }}: "),
        ("- command: [a]\n  timeout: {{t}}\n", "2: timeout.{{ }}: "),
        ("- command: [a]\n  env: {A: {{ x }}}\n", "2: env.A.{{ }}: "),
        ("- command: [a]\n  {{ key }}: b\n", "2: {{ }}: "),
        ("{{ runs }}\n", "1: "),
    ],
)
def test_a_template_that_is_yaml_is_called_by_its_name(text: str, place: str) -> None:
    assert fault(text).startswith(f"runs:{place}{TEMPLATE}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- command: [a]\n{% if x %}\n- command: [b]\n{% endif %}\n", 2),
        ("{% for x in y %}\n- command: [a]\n{% endfor %}\n", 1),
        ("- command: [a]\n  {{- if .x }}\n  name: b\n", 2),
        ("- command: [a]\n  name: {{ a }}-{{ b }}\n", 2),
        ("- command: [a]\n{# a comment #}\n", 2),
        ('{"command": ["a"]}\n{"command": {{ x }}}\n', 2),
    ],
)
def test_a_template_that_is_no_yaml_gives_a_hint(text: str, line: int) -> None:
    assert fault(text).startswith(f"runs:{line}: ")
    assert fault(text).endswith("; if the file is a template, render it first")


@pytest.mark.parametrize("value", ["<no value>", "repo:<no value>", "[a, <no value>]"])
def test_no_value_that_a_template_left_is_an_error(value: str) -> None:
    assert "a template left <no value> in it" in fault(f"- command: [a]\n  env:\n    A: {value}\n")


def test_text_in_quotes_may_look_like_a_template() -> None:
    text = "- {command: [docker, ps, --format, '{{.ID}}'], name: \"<no value>\"}\n"
    (item,) = read_stream(io.BufferedReader(io.BytesIO(text.encode())), "runs")
    assert (item.run.command, item.run.name) == (["docker", "ps", "--format", "{{.ID}}"], "<no value>")


def test_a_fault_beside_text_that_looks_like_a_template_is_described() -> None:
    assert fault("- {command: [a, '{{.ID}}']\n- b\n").startswith("runs:1: it is not valid YAML: did not find expected")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("{command: {{ cmd }}}", "3: deployments['a'].run.command.{{ }}: a template is left in it"),
        ("{command: [a], env: {A: <no value>}}", "3: deployments['a'].run.env.A: a template left <no value>"),
        ("{% if x %}", "3: it is not valid YAML: a tab for indentation, or text without quotes that begins with %"),
        ("{command: [a]}\n\t  name: b", "4: it is not valid YAML: a tab for indentation"),
    ],
)
def test_a_template_or_tab_in_a_deployments_file_is_an_error(tmp_path: Path, run: str, said: str) -> None:
    file = tmp_path / "d.yaml"
    file.write_text(f"deployments:\n- name: a\n  run: {run}\n  launcher: {{type: subprocess}}\n")
    with pytest.raises(ValueError, match=r"d\.yaml") as caught:
        Deployment.load(file)
    assert str(caught.value).startswith(f"{file}:{said}")
