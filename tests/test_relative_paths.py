"""Relative paths in a deployments file: they are relative to it, and are written as they were loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from launchpad import Deployment, DockerLauncher, KubernetesLauncher, Launcher, SubprocessLauncher

JOB = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {"workingDir": "./x"}}}}


def loaded(file: Path, kind: str, config: dict[str, Any], run: dict[str, Any]) -> Deployment:
    one = {"name": "x", "run": run, "launcher": {"type": kind, "config": config}}
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump({"deployments": [one]}))
    return Deployment.load(file)["x"]


def written(file: Path, *deployments: Deployment) -> Any:
    Deployment.dump(file, deployments)
    return yaml.safe_load(file.read_text())["deployments"][0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """In another folder than the working directory."""
    return tmp_path / "project" / "deployments.yaml"


EVERY = [
    ("docker", {"volumes": ["./a:/a:ro", ".:/c"]}, {"volumes": ["{here}/a:/a:ro", "{here}:/c"]}),
    ("docker", {"volumes": ["../b:/b:z"]}, {"volumes": ["{above}/b:/b:z"]}),
    ("docker", {"volumes": ["name:/a", "/b", "/c:/c", "~/d:/d"]}, {"volumes": ["name:/a", "/b", "/c:/c", "~/d:/d"]}),
    ("subprocess", {"virtualenv": ".venv"}, {"virtualenv": "{here}/.venv"}),
    ("subprocess", {"virtualenv": "~/v", "working_dir": "../w"}, {"virtualenv": "~/v", "working_dir": "{above}/w"}),
    ("subprocess", {"condaenv": "./envs/a"}, {"condaenv": "{here}/envs/a"}),
    ("subprocess", {"condaenv": "envs/a"}, {"condaenv": "{here}/envs/a"}),
    ("subprocess", {"condaenv": "data"}, {"condaenv": "data"}),
    ("kubernetes", {"job": "k/job.yaml"}, {"job": "{here}/k/job.yaml"}),
    ("kubernetes", {"customizations": "./p.json"}, {"customizations": "{here}/p.json"}),
    ("kubernetes", {"kubeconfig": "a:/b"}, {"kubeconfig": "{here}/a:/b"}),
    ("kubernetes", {"job": JOB, "customizations": [{"op": "remove", "path": "/a"}]}, {}),
]


@pytest.mark.parametrize(("kind", "config", "absolute"), EVERY)
def test_paths_of_a_launcher_are_relative_to_the_file(
    file: Path, kind: str, config: dict[str, Any], absolute: dict[str, Any]
) -> None:
    launcher = loaded(file, kind, config, {"command": ["true"]}).launcher
    places = {"here": str(file.parent), "above": str(file.parent.parent)}
    expected = {
        key: [one.format_map(places) for one in value] if isinstance(value, list) else value.format_map(places)
        for key, value in absolute.items()
    }
    assert launcher == Launcher.from_settings({"type": kind, "config": {**config, **expected}})


@pytest.mark.parametrize(("kind", "config", "absolute"), EVERY)
def test_paths_are_written_as_they_were_loaded(
    file: Path, kind: str, config: dict[str, Any], absolute: dict[str, Any]
) -> None:
    deployment = loaded(file, kind, config, {"entrypoint": "a.py:f"})
    again = file.with_name("again.yaml")
    one = written(again, deployment)
    assert (one["launcher"], one["run"]) == ({"type": kind, "config": config}, {"entrypoint": "a.py:f"})
    assert Deployment.load(again) == {"x": deployment}


@pytest.mark.parametrize(("kind", "config", "absolute"), EVERY)
def test_a_file_in_another_folder_means_the_same(
    file: Path, tmp_path: Path, kind: str, config: dict[str, Any], absolute: dict[str, Any]
) -> None:
    deployment = loaded(file, kind, config, {"entrypoint": "a.py:f"})
    Deployment.dump(tmp_path / "elsewhere.yaml", [deployment])
    moved = Deployment.load(tmp_path / "elsewhere.yaml")["x"]
    assert moved.launcher == deployment.launcher
    assert moved.make_run().working_dir == deployment.make_run().working_dir


def test_the_working_directory_of_a_local_run_is_relative_to_the_file_and_that_of_a_container_is_not(
    file: Path,
) -> None:
    run = {"command": ["true"], "working_dir": "sub"}
    assert loaded(file, "subprocess", {}, run).make_run().working_dir == str(file.parent / "sub")
    assert loaded(file, "docker", {"image": "x"}, run).make_run().working_dir == "sub"
    assert loaded(file, "kubernetes", {"image": "x"}, run).make_run().working_dir == "sub"


@pytest.mark.parametrize("entrypoint", ["tasks/a.py:main", "tasks.a:main"])
def test_a_local_entrypoint_is_found_from_the_folder_of_the_file(file: Path, entrypoint: str) -> None:
    deployment = loaded(file, "subprocess", {}, {"entrypoint": entrypoint})
    (file.parent / "tasks").mkdir()
    (file.parent / "tasks" / "a.py").write_text("import os\ndef main(): os.mkdir('made')\n")
    assert deployment.launch() is True
    assert (file.parent / "made").is_dir()


@pytest.mark.parametrize(
    ("kind", "config", "run"),
    [
        ("subprocess", {}, {"command": ["true"]}),
        ("docker", {"image": "x"}, {"entrypoint": "a.py:f"}),
        ("kubernetes", {"image": "x"}, {"entrypoint": "a.py:f"}),
        ("subprocess", {"working_dir": "/tmp"}, {"entrypoint": "a.py:f"}),
    ],
)
def test_other_runs_get_no_working_directory(
    file: Path, kind: str, config: dict[str, Any], run: dict[str, Any]
) -> None:
    assert loaded(file, kind, config, run).make_run().working_dir is None


def test_a_deployment_that_is_changed_keeps_its_paths(file: Path) -> None:
    deployment = loaded(file, "docker", {"image": "a", "volumes": ["./a:/a"]}, {"command": ["true"]})
    changed = attrs.evolve(deployment.launcher, volumes=[*deployment.launcher.volumes, "/b:/b"], image="b")
    one = written(file, attrs.evolve(deployment, launcher=changed, name="y"))
    assert one["launcher"]["config"] == {"image": "b", "volumes": ["./a:/a", "/b:/b"]}


@pytest.mark.parametrize(
    "launcher",
    [SubprocessLauncher(virtualenv="v"), DockerLauncher(volumes=["./a:/a"]), KubernetesLauncher(job="./job.yaml")],
)
def test_a_relative_path_that_is_set_in_python_means_the_same_when_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: Launcher
) -> None:
    monkeypatch.chdir(tmp_path)
    one = Deployment("x", {"command": ["true"]}, launcher)
    (tmp_path / "sub").mkdir()
    config = written(Path("here.yaml"), one)["launcher"]["config"]
    assert config.items() <= launcher.to_settings().config.items()
    Deployment.dump("sub/there.yaml", [one])
    assert Deployment.load("here.yaml")["x"].launcher == Deployment.load("sub/there.yaml")["x"].launcher
    assert os.fspath(tmp_path) in repr(Deployment.load("sub/there.yaml")["x"].launcher)
