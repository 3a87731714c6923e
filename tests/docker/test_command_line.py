"""The command line with `--launcher docker`."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..cli.command import launchpad, started
from ..helping import eventually
from .conftest import IMAGE, LABEL, REMOVAL_TIMEOUT

pytestmark = pytest.mark.docker

Containers = Callable[[], list[dict[str, Any]]]

ON_TERM = "trap 'echo bye; exit 0' TERM; echo ready; sleep 600 & wait"


@pytest.fixture
def docker(mark: str, containers: Containers) -> list[str]:
    """Options for containers of the test, which are removed after their end."""
    settings = {"image": IMAGE, "network_mode": "none", "auto_remove": "true", "grace": "60", f"labels.{LABEL}": mark}
    return ["--launcher", "docker", *(word for item in settings.items() for word in ("--set", "=".join(item)))]


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {container["Id"] for container in found}


def has_ended(engine: Any, container: str) -> bool:
    """Whether the container has ended; after the inspection, the engine's list is up to date too."""
    return bool(engine.inspect_container(container)["State"]["Status"] == "exited")


@pytest.mark.usefixtures("nothing_left")
def test_streams_and_exit_status_are_those_of_the_container(docker: list[str]) -> None:
    done = launchpad("run", *docker, "--env", "A=1", "--", "sh", "-c", "echo out $A; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out 1\n", "err\n")


@pytest.mark.usefixtures("nothing_left")
def test_a_launch_error_is_status_125_and_one_line(docker: list[str]) -> None:
    done = launchpad("run", *docker, "--", "no-such-program")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1)
    assert "no-such-program" in done.stderr


@pytest.mark.usefixtures("nothing_left")
def test_an_absent_image_with_the_policy_never_is_status_125_and_one_line(docker: list[str]) -> None:
    absent = ["--set", "image=launchpad-absent:1", "--set", "image_pull_policy=Never"]
    done = launchpad("run", *docker, *absent, "--", "true")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (125, "", 1)
    assert "launchpad-absent:1" in done.stderr


def test_an_unreachable_engine_is_status_125_and_one_line_that_names_the_address(docker: list[str]) -> None:
    done = launchpad("run", *docker, "--", "true", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert (done.returncode, done.stderr.count("\n")) == (125, 1)
    assert "unix:///nowhere/docker.sock" in done.stderr


@pytest.mark.usefixtures("nothing_left")
def test_a_timeout_exits_with_124_and_says_so(docker: list[str]) -> None:
    done = launchpad("run", *docker, "--set", "grace=0", "--timeout", "0.5", "--", "sleep", "600")
    assert done.returncode == 124
    assert done.stderr.startswith("launchpad: sleep: timed_out: ")


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_stops_the_container_shows_its_last_output_and_exits_with_130(docker: list[str]) -> None:
    with started("run", *docker, "--", "sh", "-c", ON_TERM) as it:
        assert it.stdout.readline() == "ready\n"
        it.signal(signal.SIGINT)
        assert it.stdout.read() == "bye\n"
        assert it.status() == 130


@pytest.mark.usefixtures("nothing_left")
def test_a_batch_launches_one_container_per_run(docker: list[str]) -> None:
    scripts = {"a": "echo out", "b": "echo err >&2; exit 3"}
    runs = [{"name": name, "command": ["sh", "-c", script]} for name, script in scripts.items()]
    done = launchpad("batch", "-", *docker, stdin="\n".join(map(json.dumps, runs)))
    assert (done.returncode, done.stdout.splitlines()) == (1, ["a | out"])
    assert {"b | err", "b: failed: Exited with status 3."} <= set(done.stderr.splitlines())


@pytest.mark.parametrize(("options", "kept"), [([], 0), (["--keep"], 2), (["--set", "auto_remove=false"], 2)])
def test_a_batch_removes_its_containers_unless_it_is_told_to_keep_them(
    options: list[str], kept: int, mark: str, containers: Containers
) -> None:
    settings = [
        "--launcher",
        "docker",
        "--image",
        IMAGE,
        "--set",
        "network_mode=none",
        "--set",
        f"labels.{LABEL}={mark}",
    ]
    done = launchpad("batch", "--lines", "-", *settings, *options, stdin="true\nfalse\n")
    assert done.returncode == 1
    assert len(eventually(containers, lambda left: len(left) == kept, REMOVAL_TIMEOUT, interval=0.05)) == kept


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_in_a_batch_leaves_no_container(docker: list[str], tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    file.write_text("".join(json.dumps({"name": name, "command": ["sh", "-c", ON_TERM]}) + "\n" for name in "abc"))
    with started("batch", str(file), *docker, "--workers", "2") as it:
        assert sorted(it.stdout.readline() for _ in range(2)) == ["a | ready\n", "b | ready\n"]
        it.signal(signal.SIGINT)
        assert it.status() == 130


def test_a_preview_is_json_without_an_engine_and_masks_values(docker: list[str]) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = launchpad("preview", *docker, "--env", "PASSWORD=hunter2", "--", "echo", "hello", env=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    create = json.loads(done.stdout)["create"]
    assert (create["image"], create["command"], create["environment"]["PASSWORD"]) == (IMAGE, ["echo", "hello"], "***")


def test_a_detached_run_is_found_by_the_id_that_is_printed(docker: list[str], containers: Containers) -> None:
    script = "echo one; read line < /proc/self/fd/0; echo two; exit 7"
    detached = launchpad(
        "run", "-d", *docker, "--set", "auto_remove=false", "--timeout", "1h", "--", "sh", "-c", script
    )
    run_id = detached.stdout.strip()
    assert (detached.returncode, detached.stdout, detached.stderr) == (0, f"{run_id}\n", "")
    followed = launchpad("logs", "-f", "--launcher", "docker", run_id[:12])
    assert (followed.returncode, followed.stdout, followed.stderr) == (0, "one\ntwo\n", "")
    waited = launchpad("wait", "--launcher", "docker", run_id)
    assert (waited.returncode, waited.stdout, waited.stderr) == (7, "", "")
    shown = launchpad("reap", "--dry-run", "--json", "--launcher", "docker")
    [found] = [run for run in json.loads(shown.stdout) if run["run_id"] == run_id]
    assert (found["state"], found["outcome"]["exit_code"], found["handle"]["id"]) == ("ended", 7, containers()[0]["Id"])


def test_a_detached_run_is_stopped_by_its_name(docker: list[str], mark: str, containers: Containers) -> None:
    options = [*docker, "--set", "auto_remove=false", "--name", f"to stop {mark}"]
    assert launchpad("run", "--detach", *options, "--", "sh", "-c", ON_TERM).returncode == 0
    stopped = launchpad("stop", "--launcher", "docker", f"to stop {mark}")
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
    assert [container["State"] for container in containers()] == ["exited"]
    shown = launchpad("ps", "--launcher", "docker")
    [row] = [line for line in shown.stdout.splitlines() if mark in line]
    assert shown.stdout.split("\n")[0].split() == ["id", "name", "launcher", "state", "started", "result"]
    assert row.split()[1:6] == ["to", "stop", mark, "docker", "ended"]


def test_the_doctor_reports_the_version_of_the_engine(engine: Any) -> None:
    done = launchpad("doctor", "--launcher", "docker", "--json")
    health = json.loads(done.stdout)["docker"]
    assert (done.returncode, health["usable"]) == (0, True)
    assert health["version"].endswith(engine.version()["Version"])


def test_the_doctor_without_an_engine_exits_with_1_and_advice() -> None:
    done = launchpad("doctor", "--launcher", "docker", "--json", env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    health = json.loads(done.stdout)["docker"]
    assert (done.returncode, health["usable"]) == (1, False)
    assert "set DOCKER_HOST" in health["detail"]
