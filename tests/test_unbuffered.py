"""A Python program that a command starts writes its lines at once, where somebody reads them."""

from __future__ import annotations

import sys
from typing import Any

import attrs
import pytest

from launchpad import DockerLauncher, KubernetesLauncher, Launcher, LaunchExecutor, Reason, Run, SubprocessLauncher

COMMAND = Run(command=["python", "-c", "print(1)"])
KINDS = [SubprocessLauncher, DockerLauncher, KubernetesLauncher]
IMAGE: dict[Any, dict[str, str]] = {DockerLauncher: {"image": "x"}, KubernetesLauncher: {"image": "x"}}


@pytest.fixture(autouse=True)
def not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def shown(kind: type[Launcher], run: Run, **settings: Any) -> bool:
    """Whether the preview has the variable."""
    return "PYTHONUNBUFFERED" in kind(**IMAGE.get(kind, {}), **settings).preview(run)


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_whose_output_is_followed_has_the_variable(kind: type[Launcher]) -> None:
    assert shown(kind, COMMAND)


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_has_not_since_its_lines_are_written_at_once_anyway(kind: type[Launcher]) -> None:
    assert not shown(kind, Run(entrypoint="m:f"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_command_whose_output_nobody_reads_has_not(kind: type[Launcher]) -> None:
    assert not shown(kind, COMMAND, stream_output=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", "0", None])
def test_the_users_value_stays(kind: type[Launcher], value: str | None) -> None:
    set_by_run = Run(command=["true"], env={"PYTHONUNBUFFERED": value})
    for launcher, run in (
        (kind(**IMAGE.get(kind, {})), set_by_run),
        (kind(**IMAGE.get(kind, {}), env=set_by_run.env), COMMAND),
    ):
        without = attrs.evolve(launcher, stream_output=False)
        assert launcher.spec(run, "n") == without.spec(run, "n")


@pytest.mark.parametrize("value", ["", "x"])
def test_a_local_run_inherits_the_value_of_this_process(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", value)
    assert not shown(SubprocessLauncher, COMMAND)


ENTRY = {"name": "PYTHONUNBUFFERED", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"containers": [{"name": "job", "image": "x", "env": [ENTRY]}]}}},
}
PATCH = [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": ENTRY}]


@pytest.mark.parametrize("settings", [{"job": JOB}, {"image": "x", "customizations": PATCH}])
def test_a_value_of_the_manifest_or_of_a_patch_stays(settings: Any) -> None:
    assert KubernetesLauncher(**settings).preview(COMMAND).count("PYTHONUNBUFFERED") == 1


@pytest.mark.parametrize("stream_output", [True, False])
def test_lines_of_a_python_program_arrive_while_it_runs(stream_output: bool) -> None:
    lines: list[str] = []

    def stop(run: Run, line: str) -> None:
        lines.append(line)
        future.cancel()

    program = "import signal; print('ready'); signal.pause()"
    run = Run(command=[sys.executable, "-c", program], timeout=60)
    with LaunchExecutor(SubprocessLauncher(stream_output=stream_output), 1) as executor:
        future = executor.submit(run, on_output=stop)
    assert future.outcome is not None
    assert (lines, future.outcome.reason) == (["ready"], Reason.STOPPED)
