"""YAML files: text means what is written, whatever else YAML reads in it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from launchpad import Deployment, Run, SubprocessLauncher, register_launcher
from launchpad.cli.batch_file import read_stream
from launchpad.schema import ANY, JSON, KEY, QUOTED, TEXT, schema_of

WRITTEN = (  # noqa: SIM905
    "0545 022 3.10 1.0 12:30 1:30.5 22:22:22 no on Yes true 1e3 1.5e+3 .5 +1 -0 0x1F 0o17 0b11 1_000 .inf .NaN "
    "2024-01-02 2024-01-02T10:00:00Z 123456789012345678901234567890"
).split()


@register_launcher
@attrs.frozen(kw_only=True)
class Typed(SubprocessLauncher):
    type: ClassVar[str] = "test-written-typed"
    image: str | None = None
    networks: list[str] = attrs.field(factory=list)
    limits: dict[str, dict[str, str]] = attrs.field(factory=dict)
    size: str | int | None = None
    count: int | None = None
    free: Any = None
    marked: Any = attrs.field(default=None, metadata={KEY: TEXT})


def runs(text: str) -> list[Run]:
    return [item.run for item in read_stream(io.BufferedReader(io.BytesIO(text.encode())), "runs")]


def run(text: str) -> Run:
    return runs(text)[0]


def deployment(tmp_path: Path, config: str, fields: str = "command: [a]") -> Deployment:
    file = tmp_path / "deployments.yaml"
    launcher = f"{{type: test-written-typed, config: {{{config}}}}}"
    file.write_text(f"deployments:\n- name: 007\n  launcher: {launcher}\n  run: {{{fields}}}\n")
    return Deployment.load(file)["007"]


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("form", ["{%s}", "\n    %s", "{%s}\n  labels: {x: y}"])
def test_a_variable_of_a_batch_or_deployment_is_what_is_written(tmp_path: Path, written: str, form: str) -> None:
    assert run(f"- command: [a]\n  env: {form % f'A: {written}'}").env == {"A": written}
    assert deployment(tmp_path, f"env: {{A: {written}}}", f"command: [a], env: {{A: {written}}}") == Deployment(
        "007", {"command": ["a"], "env": {"A": written}}, Typed(env={"A": written})
    )


@pytest.mark.parametrize("written", WRITTEN)
def test_names_labels_and_every_other_text_of_a_run_are_what_is_written(written: str) -> None:
    one = run(f"- {{command: [a], name: {written}, labels: {{x: {written}}}, working_dir: {written}, id: {written}}}")
    assert (one.name, one.labels, one.working_dir, one.id) == (written, {"x": written}, written, written)


@pytest.mark.parametrize("written", WRITTEN)
def test_text_settings_of_a_launcher_are_what_is_written(tmp_path: Path, written: str) -> None:
    config = f"image: {written}, networks: [{written}], limits: {{a: {{b: {written}}}}}, marked: [{{x: {written}}}]"
    assert deployment(tmp_path, config).launcher == Typed(
        image=written, networks=[written], limits={"a": {"b": written}}, marked=[{"x": written}]
    )


def test_text_in_quotes_and_explicit_text_stay_as_they_are() -> None:
    assert run("- {command: [a], env: {A: '0545', B: \"no\", C: !!str 010, D: ''}}").env == {
        "A": "0545",
        "B": "no",
        "C": "010",
        "D": "",
    }


def test_anchors_aliases_and_merge_keys_keep_what_is_written_in_each_place() -> None:
    first, second, third = runs(
        "- &a {entrypoint: 'm:f', env: &env {A: 022, ON: no}, parameters: {n: &n 3.10, m: &m 0x1F}}\n"
        "- {<<: *a, env: {<<: *env, A: *n, B: *m}}\n"
        "- {<<: *a, id: x}\n"
    )
    assert first.env == third.env == {"A": "022", "ON": "no"}
    assert second.env == {"A": "3.10", "ON": "no", "B": "0x1F"}
    assert second.parameters == {"n": 3.1, "m": 31}


def test_a_merged_mapping_may_be_repeated() -> None:
    text = "- &a {command: [a], name: x, id: '1'}\n- &b {<<: *a, id: '2'}\n- {<<: *b, id: '3'}\n"
    assert [one.id for one in runs(text)] == ["1", "2", "3"]


@pytest.mark.parametrize("written", ["~", "null", "", "Null"])
def test_null_removes_a_variable(written: str) -> None:
    assert run(f"- {{command: [a], env: {{A: {written}}}}}").env == {"A": None}
    assert run("- {command: [a], env: {A: 'null', B: \"~\"}}").env == {"A": "null", "B": "~"}


def test_names_of_variables_are_what_is_written() -> None:
    assert run("- {command: [a], env: {ON: 1, 0545: x, ~: y}}").env == {"ON": "1", "0545": "x", "~": "y"}


@pytest.mark.parametrize("written", ["0755", "5", "3.10", "yes", "2024-01-02", "1:30", ".5"])
def test_the_hint_for_a_word_of_a_command_shows_what_is_written(tmp_path: Path, written: str) -> None:
    hint = f'{written} is not text: put it in quotes, as in "{written}"'
    with pytest.raises(ValueError, match="runs:2: ") as caught:
        run(f"- command:\n  - {written}\n")
    assert str(caught.value) == f"runs:2: command[0]: {hint}"
    with pytest.raises(ValueError, match="deployments") as caught:
        deployment(tmp_path, "", f"command: [chmod, {written}]")
    assert str(caught.value).endswith(f"deployments.yaml:4: deployments['007'].run.command[1]: {hint}")


@pytest.mark.parametrize("written", ["0600", "1:30", "00", "-010", "1:30.5"])
@pytest.mark.parametrize("field", ["timeout: %s", "parameters: {a: [%s]}"])
def test_a_number_that_readers_of_yaml_read_differently_is_refused(written: str, field: str) -> None:
    with pytest.raises(ValueError, match=r"runs:2: .*different readers of YAML read different numbers in it: put text"):
        run(f"- entrypoint: m:f\n  {field % written}")


def test_other_numbers_and_parameters_are_read_as_in_yaml(tmp_path: Path) -> None:
    one = run("- {entrypoint: 'm:f', timeout: 1_0, parameters: {a: 0x1F, b: no, c: 0.50, d: 1e3, e: 0}}")
    assert (one.timeout, one.parameters) == (10, {"a": 31, "b": False, "c": 0.5, "d": "1e3", "e": 0})
    launcher = deployment(tmp_path, "count: 5, free: 2.50, size: 1024, grace: 1.50, stream_output: no").launcher
    assert launcher == Typed(count=5, free=2.5, size=1024, grace=1.5, stream_output=False)
    assert deployment(tmp_path, "size: 0777").launcher == Typed(size="0777")


def test_json_is_read_as_json() -> None:
    values = {"a": 1e-05, "b": "\U0001f600", "c": 1e300, "d": "1e3", "e": "a/b"}
    given = {"entrypoint": "m:f", "parameters": values}
    text = json.dumps([given], indent="\t").replace("a/b", "a\\/b")
    assert "\\ud83d\\ude00" in text
    assert run(text).parameters == run(json.dumps(given)).parameters == values


def test_a_character_that_json_writes_as_two_escapes_is_read_at_every_place() -> None:
    for length in range(16350, 16366):  # around the size of the parser's buffer
        assert run(json.dumps([{"command": ["x" * length, "\U0001f600", "\\ud83d\\ude00"]}])).command == [
            "x" * length,
            "\U0001f600",
            "\\ud83d\\ude00",
        ]


def test_a_json_deployments_file_may_have_tabs_and_escapes(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    one = {"name": "\U0001f600", "run": {"command": ["a"]}, "launcher": {"type": "test-written-typed"}}
    file.write_text(json.dumps({"deployments": [one]}, indent="\t"))
    assert list(Deployment.load(file)) == ["\U0001f600"]


@pytest.mark.parametrize("written", ["1.10", "1e3", "1E-2", "NaN", "true"])
def test_text_in_json_lines_is_what_is_written(written: str) -> None:
    assert run(f'{{"command": ["a"], "env": {{"A": {written}}}, "name": {written}}}').env == {"A": written}
    with pytest.raises(ValueError, match=f"command\\[0\\]: {written} is not text: put it in quotes"):
        run(f'{{"command": [{written}]}}')


def test_text_that_a_template_might_have_left_is_dumped_in_quotes(tmp_path: Path) -> None:
    one = Deployment("a", {"command": ["<no value>", "{{ x }}", "1e3"]}, SubprocessLauncher())
    Deployment.dump(tmp_path / "d.yaml", [one])
    assert Deployment.load(tmp_path / "d.yaml") == {"a": one}


@attrs.frozen(kw_only=True)
class HalfTyped(SubprocessLauncher):
    type: ClassVar[str] = "test-written-half-typed"
    image: str = ""
    unknown: NotImportedHere | None = None  # type: ignore[name-defined]  # noqa: F821


def test_a_type_that_cannot_be_resolved_does_not_hide_the_others() -> None:
    schema = schema_of(HalfTyped)
    assert (schema["env"], schema["image"], schema["unknown"]) == ({ANY: TEXT}, TEXT, None)


def test_a_schema_follows_the_types_of_the_fields() -> None:
    assert schema_of(Run)["command"] is QUOTED
    schema = schema_of(Typed)
    assert (schema["image"], schema["networks"], schema["size"], schema["count"]) == (TEXT, [TEXT], JSON, None)
    assert (schema["env"], schema["limits"], schema["grace"]) == ({ANY: TEXT}, {ANY: {ANY: TEXT}}, None)


@pytest.mark.parametrize("written", ["0123", "3.10", "12:34:56:12:34:56", "no", "0"])
def test_text_in_the_options_of_containers_is_what_is_written(tmp_path: Path, written: str) -> None:
    options = (
        f"{{hostname: {written}, cpuset_cpus: {written}, dns: [{written}], sysctls: {{a: {written}}}, shm_size: 64}}"
    )
    file = tmp_path / "deployments.yaml"
    launcher = f"{{type: docker, config: {{image: a, options: {options}}}}}"
    file.write_text(f"deployments:\n- {{name: a, run: {{command: [a]}}, launcher: {launcher}}}\n")
    assert Deployment.load(file)["a"].launcher.to_settings().config["options"] == {
        "hostname": written,
        "cpuset_cpus": written,
        "dns": [written],
        "sysctls": {"a": written},
        "shm_size": 64,
    }
