"""The variables that every run gets, and their reserved names."""

from __future__ import annotations

import json
import sys

import pytest

from launchpad import DockerLauncher, KubernetesLauncher, Launcher, Run, SubprocessLauncher, UniversalLauncher
from launchpad.variables import RESERVED, identity

LAUNCHERS = [SubprocessLauncher(), DockerLauncher(image="a:1"), KubernetesLauncher(image="a:1")]
NAMES = sorted(RESERVED)


def given(launcher: Launcher, run: Run) -> dict[str, str]:
    """The variables in the launcher's spec."""
    spec = launcher.spec(run, "a")
    if launcher.type == "kubernetes":
        entries = spec["spec"]["template"]["spec"]["containers"][0]["env"]
        return {entry["name"]: entry["value"] for entry in entries}
    env: dict[str, str] = spec["create"]["environment"] if launcher.type == "docker" else spec["env"]
    return env


def lines(command: list[str], **env: str) -> list[str]:
    found: list[str] = []
    run = Run(command=command, env=env, id="outer-id")
    assert SubprocessLauncher().submit(run, on_output=lambda _, line: found.append(line))
    return found


@pytest.mark.parametrize("launcher", LAUNCHERS, ids=lambda one: one.type)
def test_every_run_gets_its_id_and_the_attempt_and_a_preview_shows_their_names(launcher: Launcher) -> None:
    run = Run(command=["a"])
    env = given(launcher, run)
    assert (env["LAUNCHPAD_RUN_ID"], env["LAUNCHPAD_ATTEMPT"]) == (run.id, "1")
    assert all(name in launcher.preview(run) for name in identity("a"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["x", "", None])
def test_a_user_s_value_for_a_reserved_name_is_refused(name: str, value: str | None) -> None:
    for make in (lambda env: Run(command=["a"], env=env), lambda env: SubprocessLauncher(env=env)):
        with pytest.raises(ValueError, match=rf"^env: {name} cannot be set"):
            make({name: value})
    with pytest.raises(ValueError, match=name):
        UniversalLauncher().to("docker", env={name: value})


@pytest.mark.parametrize("entry", [{"value": "x"}, {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])
def test_reserved_names_in_a_manifest_are_of_another_run_and_dropped(entry: dict[str, object]) -> None:
    entries = [{"name": name, **entry} for name in NAMES]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "spec": {"template": {"spec": {"containers": [{"name": "job", "env": entries}]}}},
    }
    run = Run(command=["a"])
    assert given(KubernetesLauncher(image="a:1", job=job, stream_output=False), run) == identity(run.id)


ENV = "/spec/template/spec/containers/0/env"


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_must_not_set_them(name: str) -> None:
    patch = [{"op": "add", "path": f"{ENV}/-", "value": {"name": name, "value": "other"}}]
    with pytest.raises(ValueError, match=f"^customizations: {name} cannot be set"):
        KubernetesLauncher(image="a:1", customizations=patch).preview(Run(command=["a"]))


@pytest.mark.parametrize("operation", [{"op": "remove"}, {"op": "replace", "value": []}])
def test_a_patch_that_removes_the_environment_leaves_them(operation: dict[str, object]) -> None:
    run = Run(entrypoint="m:f", parameters={"a": 1})
    launcher = KubernetesLauncher(customizations=[{**operation, "path": ENV}])
    result = "4096\n/dev/termination-log"
    generated = {"LAUNCHPAD_PARAMETERS": '{"a": 1}', "LAUNCHPAD_RESULT": result}
    assert given(launcher, run) == {**identity(run.id), **generated}


def test_a_forwarded_variable_does_not_replace_them() -> None:
    run = Run(command=["a"])
    launcher = DockerLauncher(image="a:1", forward_urls=("LAUNCHPAD_RUN_ID",), network_mode="none")
    assert given(launcher, run)["LAUNCHPAD_RUN_ID"] == run.id


NESTED = """
import os, sys
from launchpad import Run, SubprocessLauncher
inner = Run(command=["sh", "-c", "echo $LAUNCHPAD_RUN_ID $LAUNCHPAD_PARENT_IDS"], id="inner-id")
middle = Run(command=[sys.executable, "-c", os.environ["CODE"]], env={"DEEP": "1"}, id="middle-id")
SubprocessLauncher().submit(inner if "DEEP" in os.environ else middle)
"""


def test_a_nested_run_knows_the_runs_around_it_and_no_other() -> None:
    assert lines(["sh", "-c", "echo [$LAUNCHPAD_RUN_ID] [$LAUNCHPAD_PARENT_IDS]"]) == ["[outer-id] []"]
    assert lines([sys.executable, "-c", NESTED], CODE=NESTED) == ["inner-id outer-id,middle-id"]


def test_a_run_keeps_what_it_inherits_and_changes_to_os_environ_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_TEST_ODD", "é\udce9")
    monkeypatch.delenv("HOME", raising=False)
    code = "import os, json; print(json.dumps([os.environ.get(name) for name in ('LAUNCHPAD_TEST_ODD', 'HOME')]))"
    assert json.loads(lines([sys.executable, "-c", code])[0]) == ["é\udce9", None]


@pytest.mark.parametrize("id_", ["a\0b", "\ud800"])
def test_an_id_that_no_variable_can_hold_is_refused(id_: str) -> None:
    with pytest.raises(ValueError, match=r"^id contains"):
        Run(command=["a"], id=id_)
