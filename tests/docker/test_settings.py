"""The fields of a DockerLauncher and the spec of a run. Without an engine."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import docker
import pytest
from docker.types import HostConfig

from launchpad import DockerLauncher, Launcher, LaunchError, Run
from launchpad.docker import options
from launchpad.starting import numbered
from tests.helping import users_own


def spec(run: Run | None = None, **settings: Any) -> dict[str, Any]:
    return DockerLauncher(image="busybox:1", **settings).spec(run or Run(command=["true"]), "name")


def test_sets_become_lists_and_networks_are_deduplicated() -> None:
    launcher = DockerLauncher(networks={"b", "a"}, volumes={"x1:/b"})
    assert (launcher.networks, launcher.volumes) == (["a", "b"], ["x1:/b"])
    assert DockerLauncher(networks=["b", "a", "b"]).networks == ["b", "a"]


def test_networks_and_network_mode_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="networks and network_mode are both set"):
        DockerLauncher(networks=["a"], network_mode="host")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", 1),
        ("image_pull_policy", "sometimes"),
        ("networks", "a"),
        ("networks", [1]),
        ("networks", [""]),
        ("network_mode", ""),
        ("auto_remove", "yes"),
        ("volumes", "a:/b"),
        ("mem_limit", "much"),
        ("mem_limit", 0),
        ("mem_limit", "0m"),
        ("mem_limit", True),
        ("cpus", 0),
        ("cpus", float("inf")),
        ("cpus", "1"),
        ("cpus", True),
        ("user", ""),
        ("user", True),
        ("registry_auth", {"username": "me"}),
        ("registry_auth", {"username": "me", "password": ""}),
        ("registry_auth", {"username": "me", "password": "x", "serveraddress": "y"}),
        ("forward_urls", "URL"),
        ("labels", {"a": True}),
        ("options", ["a"]),
    ],
)
def test_an_invalid_value_is_an_error_that_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        DockerLauncher(**{field: value})


def test_secrets_appear_in_no_error_and_no_repr() -> None:
    with pytest.raises(ValueError, match="registry_auth") as caught:
        DockerLauncher(registry_auth={"username": "me", "password": ["hunter2"]})
    assert "hunter2" not in str(caught.value)
    launcher = DockerLauncher(
        image="a:1", registry_auth={"username": "me", "password": "hunter2"}, env={"T": "hunter2"}
    )
    assert "hunter2" not in repr(launcher)
    assert "hunter2" not in launcher.preview(Run(command=["true"], env={"S": "hunter2"}))


def test_every_field_survives_the_settings() -> None:
    launcher = DockerLauncher(
        image="a:1",
        image_pull_policy="Never",
        networks=["a", "b"],
        labels={"a": 1},
        auto_remove=1,
        volumes=["./a:/b:ro"],
        mem_limit="1.5g",
        cpus=2,
        user=1000,
        registry_auth={"username": "me", "password": "x"},
        forward_urls=["A_URL"],
        options={"shm_size": "1g", "ports": {"80/tcp": 8080}},
        env={"A": None},
    )
    settings = launcher.to_settings()
    assert json.loads(json.dumps(settings.config)) == settings.config
    assert Launcher.from_settings(settings) == launcher


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("image", "image"),
        ("network", "networks"),
        ("binds", "volumes"),
        ("nano_cpus", "cpus"),
        ("environment", "env"),
        ("auto_remove", "auto_remove"),
    ],
)
def test_an_option_that_a_field_covers_is_an_error_that_names_the_field(key: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"{key!r} is set by the field {field}"):
        DockerLauncher(options={key: 1})


def test_an_unknown_option_is_an_error_that_names_the_closest_known_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'shm_size'"):
        DockerLauncher(options={"shm_sise": 1})
    with pytest.raises(ValueError, match="launch it again"):
        DockerLauncher(options={"restart_policy": {"Name": "always"}})


def test_every_parameter_of_docker_py_is_an_option_or_refused() -> None:
    create = set(inspect.signature(docker.APIClient.create_container).parameters) - {"self"}
    host = set(inspect.signature(HostConfig.__init__).parameters) - {"self", "version"}
    known = options.CREATE | options.HOST | options._COVERED.keys() | options._REFUSED.keys()
    assert (create | host) - known == set()


def test_options_go_to_the_call_that_takes_them() -> None:
    made = spec(options={"shm_size": "64m", "hostname": "h", "ports": {"80/tcp": 8080, "53/udp": None}})
    assert made["create"]["hostname"] == "h"
    assert made["host"]["shm_size"] == "64m"
    assert made["create"]["ports"] == [("53", "udp"), ("80", "tcp")]
    assert made["host"]["port_bindings"] == {"80/tcp": 8080, "53/udp": None}


def test_objects_of_the_caller_are_not_changed() -> None:
    given = {"ports": {"80": 8080}, "extra_hosts": {"db": "10.0.0.1"}}
    launcher = DockerLauncher(image="a:1", options=given)
    made = launcher.spec(Run(command=["true"]), "name")
    made["host"]["extra_hosts"]["db"] = "x"
    assert given == {"ports": {"80": 8080}, "extra_hosts": {"db": "10.0.0.1"}} == launcher.options


def test_the_whole_spec_of_a_plain_run() -> None:
    run = Run(command=["echo", "a b"], env={"A": 1, "B": None}, labels={"l": "run"}, working_dir="/w", id="the-id")
    launcher = DockerLauncher(
        image="busybox:1",
        env={"A": "x", "C": "y"},
        labels={"l": "launcher", "m": "2"},
        network_mode="none",
        mem_limit="1g",
        cpus=0.5,
        user="me",
        stream_output=False,
    )
    made = launcher.spec(run, "the-name")
    version = made["create"]["labels"].pop("io.launchpad.version")
    made["create"]["environment"] = users_own(made["create"]["environment"])
    assert version
    assert made == {
        "create": {
            "name": "the-name",
            "image": "busybox:1",
            "command": ["echo", "a b"],
            "environment": {"A": "1", "B": None, "C": "y"},
            "labels": {
                "l": "run",
                "m": "2",
                "io.launchpad.run-id": "the-id",
                "io.launchpad.run-name": "echo",
                "io.launchpad.attempt": "1",
            },
            "working_dir": "/w",
            "user": "me",
        },
        "host": {"network_mode": "none", "mem_limit": "1g", "nano_cpus": 500_000_000},
        "networks": [],
        "pull": {"policy": "IfNotPresent", "auth": None},
        "auto_remove": False,
    }


def test_words_that_the_locale_cannot_decode_are_sent_if_they_are_utf_8() -> None:
    escaped = "größe".encode().decode("ascii", "surrogateescape")  # as sys.argv has it in the locale C
    made = spec(Run(command=["echo", escaped], env={escaped: escaped}), volumes=[f"/{escaped}:/a"], stream_output=False)
    assert made["create"]["command"] == ["echo", "größe"]
    assert users_own(made["create"]["environment"]) == {"größe": "größe"}
    assert made["host"]["binds"] == ["/größe:/a:rw"]


@pytest.mark.parametrize(
    ("run", "settings", "where"),
    [
        ({"command": ["echo", "a\udcff"]}, {}, r"command\[1\]"),
        ({"env": {"A": "hunter2\udcff"}}, {}, "environment.A"),
        ({"env": {"A\udcff": "x"}}, {}, "A name in environment"),
        ({"labels": {"l": "\udcff"}}, {}, "labels.l"),
        ({"working_dir": "/\udcff"}, {}, "working_dir"),
        ({}, {"volumes": ["/\udcff:/a"]}, r"binds\[0\]"),
    ],
)
def test_bytes_that_are_not_utf_8_are_an_error_that_names_their_place(run: Any, settings: Any, where: str) -> None:
    with pytest.raises(LaunchError, match=f"{where} has bytes that are not UTF-8") as caught:
        DockerLauncher(image="a:1", **settings).preview(Run(**{"command": ["true"], **run}))
    assert "hunter2" not in str(caught.value)


def test_an_entrypoint_includes_its_runner() -> None:
    made = spec(Run(entrypoint="tasks.py:main", parameters={"a": 1}))
    python, flag, source, entrypoint = made["create"]["command"]
    assert (python, flag, entrypoint) == ("python", "-c", "tasks.py:main")
    assert "def find(" in source
    assert json.loads(made["create"]["environment"]["LAUNCHPAD_PARAMETERS"]) == {"a": 1}


def test_the_default_image_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_IMAGE", "mine:2")
    made = DockerLauncher().spec(Run(command=["true"]), "name")
    assert (made["create"]["image"], made["pull"]["policy"]) == ("mine:2", "IfNotPresent")


def test_without_an_image_an_entrypoint_runs_in_a_plain_python_and_a_command_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LAUNCHPAD_IMAGE", raising=False)
    made = DockerLauncher().spec(Run(entrypoint="a:b"), "name")
    assert made["create"]["image"] == f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
    with pytest.raises(LaunchError, match="set the launcher's image, or LAUNCHPAD_IMAGE"):
        DockerLauncher().preview(Run(command=["true"], env={"TOKEN": "x"}))


def test_a_preview_is_the_spec_as_json_with_secrets_masked() -> None:
    launcher = DockerLauncher(image="a:1", registry_auth={"username": "me", "password": "hunter2"})
    run = Run(command=["true"], env={"TOKEN": "hunter2", "OLD": None})
    shown = json.loads(launcher.preview(run))
    assert users_own(shown["create"]["environment"]) == {"TOKEN": "***", "OLD": None, "PYTHONUNBUFFERED": "***"}
    assert shown["pull"]["auth"] == {"username": "***", "password": "***"}
    assert json.loads(launcher.preview(run, reveal=True))["create"]["environment"]["TOKEN"] == "hunter2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My Run", "My-Run"),
        ("Größe & Ünïcode", "Grosse-Unicode"),
        ("__.-x1", "x1"),
        ("a/b:c", "a-b-c"),
        ("v1.", "v1."),
        ("a", "run-a"),
        ("日本", "Ri-Ben"),
        ("!!!", "the-id"),
        ("n" * 300, "n" * 250),
    ],
)
def test_names_become_valid_container_names(name: str, expected: str) -> None:
    assert next(DockerLauncher().names(Run(command=["x"], name=name, id="the-id"))) == expected


def test_a_later_attempt_has_its_number_in_its_name_and_its_label() -> None:
    launcher = DockerLauncher(image="busybox:1")
    run = numbered(Run(command=["x"], name="n" * 300), 12)
    assert next(launcher.names(run)) == "n" * 239 + "-attempt-12"
    assert launcher.spec(run, "n")["create"]["labels"]["io.launchpad.attempt"] == "12"


def test_further_names_have_a_number_and_then_a_random_suffix() -> None:
    names = list(DockerLauncher().names(Run(command=["x"], name="n" * 300)))
    assert names[:3] == ["n" * 250, "n" * 248 + "-1", "n" * 248 + "-2"]
    assert 3 < len(names) < 20
    assert all(len(name) <= 250 for name in names)


def test_an_argument_of_docker_py_is_an_error_that_says_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"unknown key 'ports' of DockerLauncher: use options=\{'ports': …\}"):
        DockerLauncher(ports={"80/tcp": 8080})  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="unknown key 'shm_size' of DockerLauncher: use options="):
        Launcher.from_settings({"type": "docker", "config": {"shm_size": "1g"}})
    with pytest.raises(TypeError, match="unknown key 'environment' of DockerLauncher: use the field env"):
        DockerLauncher(environment={"A": "1"})  # type: ignore[call-arg]
