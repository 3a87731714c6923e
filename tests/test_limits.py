"""Small inputs that would become large are refused in bounded time and memory, at every entrance."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launchpad import Deployment, DockerLauncher, KubernetesLauncher, Launcher, LaunchError, LauncherSettings, Run
from launchpad.cli.app import run_app
from launchpad.cli.batch_file import read_stream
from launchpad.limits import MAX_DATA, MAX_DEPTH, check_size, shown, shown_plain

_LEVELS = [f"k{i}: &b{i} [{f'*b{i - 1}' if i else 'x'}, {f'*b{i - 1}' if i else 'x'}]" for i in range(30)]
ALIASES = "{" + ", ".join(_LEVELS) + "}"
LONG_TEXT = "{a: &a " + "x" * 100_000 + ", b: [" + "*a, " * 1000 + "*a]}"
MERGES = "{" + ", ".join(
    ["m0: &m0 {a: b, c: d}"] + [f"m{i}: &m{i} {{x{i}: y, <<: [*m{i - 1}, *m{i - 1}]}}" for i in range(1, 30)]
) + "}"  # fmt: skip
DEEP = "[" * 3000 + "]" * 3000
BOMBS = {"aliases": ALIASES, "long text": LONG_TEXT, "merge keys": MERGES, "depth": DEEP}

every_bomb = pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)


def data(levels: int = 30) -> Any:
    """Lists that all contain the same two lists."""
    value: Any = "x"
    for _ in range(levels):
        value = [value, value]
    return value


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


def refusal(call: Callable[[], object], kind: type[Exception] = ValueError) -> str:
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert len(message) < 1000
    assert message.isprintable()
    return message


def batch(text: str) -> Any:
    return read_stream(io.BufferedReader(io.BytesIO(text.encode())), "runs")  # type: ignore[arg-type]


@every_bomb
@pytest.mark.parametrize(
    "form",
    [
        "- {name: a, run: {entrypoint: 'os:getpid', parameters: {x: %s}}, launcher: {type: subprocess}}",
        "- {name: a, run: {command: [a]}, launcher: {type: docker, config: {options: {ulimits: %s}}}}",
        "- {name: a, run: {command: [a]}, launcher: {type: kubernetes, config: {job: {spec: %s}}}}",
        "- {name: a, run: {command: [a], env: %s}, launcher: {type: subprocess}}",
        "- {name: a, run: {command: [a]}, launcher: {type: subprocess}, %s: x}",
    ],
)
def test_a_deployment_that_becomes_too_large_is_refused_with_its_line(tmp_path: Path, form: str, bomb: str) -> None:
    file = tmp_path / "d.yaml"
    file.write_text("deployments:\n" + form % bomb)
    assert refusal(lambda: Deployment.load(file)).startswith(f"{file}:")


@every_bomb
def test_a_run_of_a_batch_that_becomes_too_large_is_refused_with_its_line(bomb: str) -> None:
    message = refusal(lambda: batch(f"- {{command: [a]}}\n- {{entrypoint: 'os:getpid', parameters: {{x: {bomb}}}}}\n"))
    assert message.startswith("runs:2: ")


def test_runs_that_are_small_alone_and_too_large_together_are_refused() -> None:
    large = "x" * 100_000
    message = refusal(lambda: batch(f"- &a {{command: [a], env: {{V: {large}}}}}\n" + "- *a\n" * 2000))
    assert "too large" in message


def test_a_batch_may_repeat_a_mapping_for_each_of_its_runs() -> None:
    items = batch(
        "- &a {command: [a], env: {A: b, C: d}, id: x}\n" + "".join(f"- {{<<: *a, id: {n}}}\n" for n in range(2000))
    )
    assert [item.run.env for item in items] == [{"A": "b", "C": "d"}] * 2001


@pytest.mark.parametrize("text", ["- {command: ['" + "x" * 9_000_000, "\\" * 9_000_000, "- " + "[" * 9_000_000])
def test_an_item_of_a_batch_without_an_end_is_refused(text: str) -> None:
    assert "runs:1: " in refusal(lambda: batch(text))


def test_escaped_characters_that_json_writes_in_pairs_are_read_in_linear_time() -> None:
    name = "\U0001f680" * 100_000
    assert batch(json.dumps([{"command": ["a"], "name": name}]))[0].run.name == name


@every_bomb
def test_a_manifest_or_patch_in_a_file_that_becomes_too_large_is_refused(tmp_path: Path, bomb: str) -> None:
    job, patch = tmp_path / "job.yaml", tmp_path / "patch.yaml"
    job.write_text(f"{{apiVersion: batch/v1, kind: Job, spec: {{podFailurePolicy: {{x: {bomb}}}}}}}")
    patch.write_text(f"[{{op: add, path: /metadata/annotations, value: {bomb}}}]")
    for given in ({"job": job}, {"customizations": patch}):
        launcher = KubernetesLauncher(image="x", **given)  # type: ignore[arg-type]
        message = refusal(lambda launcher=launcher: launcher.preview(Run(command=["a"])), LaunchError)  # type: ignore[misc]
        assert str(tmp_path) in message


@pytest.mark.parametrize("value", [data(), deep(200), "x" * 5_000_000], ids=["shared", "deep", "long"])
def test_data_that_becomes_too_large_is_refused_by_every_constructor(value: Any) -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"x": value}}
    operation = {"op": "add", "path": "/x", "value": value}
    config = {"image": "x", "options": {"sysctls": {"a": value}}}
    for call in (
        lambda: Run(entrypoint="a:b", parameters={"x": value}),
        lambda: DockerLauncher(options=config["options"]),
        lambda: KubernetesLauncher(job=job),
        lambda: KubernetesLauncher(customizations=[operation]),
        lambda: LauncherSettings("docker", config),
        lambda: Launcher.from_settings({"type": "docker", "config": config}),
        lambda: Deployment("a", {"entrypoint": "a:b", "parameters": {"x": value}}, DockerLauncher()),
    ):
        refusal(call)


def patched(operations: list[dict[str, Any]]) -> str:
    return KubernetesLauncher(image="x", customizations=operations).preview(Run(command=["a"]))


@pytest.mark.parametrize("value", ["x" * 1000, {"b": "c"}], ids=["wide", "deep"])
def test_a_patch_that_copies_copies_is_refused(value: Any) -> None:
    start = {"op": "add", "path": "/metadata/annotations", "value": {"a": value}}
    wide = [{"op": "copy", "from": "/metadata/annotations", "path": f"/metadata/annotations/a{i}"} for i in range(30)]
    inner = [
        {"op": "copy", "from": "/metadata/annotations", "path": f"/metadata/annotations{'/n' * (2**i)}"}
        for i in range(12)
    ]
    for operations in (wide, inner):
        assert "customizations" in refusal(lambda operations=operations: patched([start, *operations]))  # type: ignore[misc]


def test_a_patch_changes_one_of_two_places_that_an_alias_stands_for(tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(
        "{apiVersion: batch/v1, kind: Job, spec: {x: &x {k: v}, y: *x, template: {spec: {containers: [{image: x}]}}}}"
    )
    launcher = KubernetesLauncher(job=job, customizations=[{"op": "replace", "path": "/spec/x/k", "value": "new"}])
    spec = launcher.spec(Run(command=["a"]), "a")["spec"]
    assert (spec["x"], spec["y"]) == ({"k": "new"}, {"k": "v"})


@every_bomb
@pytest.mark.parametrize(
    "words",
    [
        ["run", "--entrypoint", "os:getpid", "--param", "x=%s"],
        ["preview", "--launcher", "kubernetes", "--set", "image=x", "--set", "job=%s", "--", "true"],
        ["preview", "--launcher", "docker", "--set", "image=x", "--set", "options.ulimits=%s", "--", "true"],
    ],
)
def test_an_argument_that_becomes_too_large_is_a_short_usage_error(
    words: list[str], bomb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app([word.replace("%s", bomb) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("launchpad: ")
    assert len(said) < 1000


def test_a_line_of_json_with_many_keys_is_read_in_linear_time() -> None:
    text = "{" + "".join(f'"k{i}": 1, ' for i in range(100_000)) + '"last": 1, "last": 2}'
    assert "the key 'last' is there twice" in refusal(lambda: batch(text))


def test_many_unknown_keys_are_described_by_the_first() -> None:
    config = {f"key{i}": 1 for i in range(2000)}
    with pytest.raises(ValueError, match="and 1980 more") as caught:
        Launcher.from_settings({"type": "subprocess", "config": config})
    assert len(str(caught.value)) < 20_000


def test_size_counts_a_value_wherever_it_occurs_and_looks_at_it_once() -> None:
    assert check_size(data(15), "it") < MAX_DATA
    with pytest.raises(ValueError, match=r"^it: too large"):
        check_size(data(80), "it")


def test_depth_counts_lists_and_mappings_and_includes_those_that_contain_themselves() -> None:
    loop: list[Any] = []
    loop += [loop, {"a": loop}]
    check_size(deep(MAX_DEPTH), "it")
    for value in (deep(MAX_DEPTH + 1), loop):
        with pytest.raises(ValueError, match=r"^it: nested more than"):
            check_size(value, "it")


def test_what_an_error_shows_is_short_and_in_one_line() -> None:
    assert shown("a\nb") == "'a\\nb'"
    assert shown_plain("name") == "name"
    assert shown_plain("a\x1b") == "'a\\x1b'"
    for value in ("x" * 10**6, ["x"] * 10**5, 10**5000):
        assert len(shown(value)) < 150
