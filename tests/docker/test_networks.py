"""The network mode, the forwarded URLs and the extra hosts of a container. Without an engine."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from launchpad import DockerLauncher, Run
from launchpad.docker.networks import through_gateway

linux = pytest.mark.skipif(sys.platform != "linux", reason="the engine runs in a machine of its own elsewhere")
GATEWAY = {"host.docker.internal": "host-gateway"}


def made(run_env: dict[str, str | None] = {}, **settings: Any) -> tuple[Any, Any, Any]:
    """The mode, LAUNCHPAD_API_URL and the extra hosts."""
    made = DockerLauncher(image="a:1", **settings).spec(Run(command=["true"], env=run_env), "name")
    host = made["host"]
    return host.get("network_mode"), made["create"]["environment"].get("LAUNCHPAD_API_URL"), host.get("extra_hosts")


@pytest.fixture(autouse=True)
def url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_API_URL", "http://localhost:4200/api")


@linux
def test_a_loopback_url_and_no_network_mean_the_host_s_network() -> None:
    assert made() == ("host", "http://localhost:4200/api", None)


@linux
def test_without_a_url_the_engine_chooses_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAUNCHPAD_API_URL")
    assert made() == (None, None, GATEWAY)


@linux
def test_a_url_of_another_host_is_passed_on_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_API_URL", "http://api.example.com/localhost")
    assert made() == (None, "http://api.example.com/localhost", GATEWAY)


@linux
@pytest.mark.parametrize("settings", [{"network_mode": "bridge"}, {"networks": ["bridge"]}])
def test_in_another_network_the_url_goes_through_the_gateway(settings: dict[str, Any]) -> None:
    assert made(**settings) == ("bridge", "http://host.docker.internal:4200/api", GATEWAY)


@pytest.mark.parametrize("mode", ["host", "none", "container:other"])
def test_modes_without_a_gateway_keep_the_url(mode: str) -> None:
    assert made(network_mode=mode) == (mode, "http://localhost:4200/api", None)


@linux
def test_a_url_that_the_user_sets_is_not_changed_and_does_not_choose_the_mode() -> None:
    assert made(env={"LAUNCHPAD_API_URL": "http://127.0.0.1:1"}) == (None, "http://127.0.0.1:1", GATEWAY)
    assert made({"LAUNCHPAD_API_URL": None}) == (None, None, GATEWAY)


@linux
def test_other_variables_can_be_forwarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://u:p@127.0.0.1:5432/db")
    launcher = DockerLauncher(image="a:1", forward_urls=["DATABASE_URL", "UNSET_URL"], networks=["bridge"])
    env = launcher.spec(Run(command=["true"]), "name")["create"]["environment"]
    assert env["DATABASE_URL"] == "postgres://u:p@host.docker.internal:5432/db"
    assert "UNSET_URL" not in env


@linux
def test_the_user_s_own_hosts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAUNCHPAD_API_URL")
    assert made(options={"extra_hosts": {"db": "10.0.0.1"}})[2] == {"db": "10.0.0.1", **GATEWAY}
    assert made(options={"extra_hosts": ["db:10.0.0.1"]})[2] == ["db:10.0.0.1", "host.docker.internal:host-gateway"]
    assert made(options={"extra_hosts": {"host.docker.internal": "10.0.0.2"}})[2] == {
        "host.docker.internal": "10.0.0.2"
    }


def test_the_container_is_created_in_the_first_network() -> None:
    made = DockerLauncher(image="a:1", networks=["a", "b", "c"]).spec(Run(command=["true"]), "name")
    assert (made["host"]["network_mode"], made["networks"]) == ("a", ["b", "c"])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost", "http://host.docker.internal"),
        ("http://LocalHost:1/a?b#c", "http://host.docker.internal:1/a?b#c"),
        ("http://127.0.0.1:4200/127.0.0.1", "http://host.docker.internal:4200/127.0.0.1"),
        ("http://127.1.2.3/", "http://host.docker.internal/"),
        ("http://[::1]:80/x", "http://host.docker.internal:80/x"),
        ("amqp://localhost:secret@localhost:5672//", "amqp://localhost:secret@host.docker.internal:5672//"),
        ("http://u:p%40localhost@127.0.0.1", "http://u:p%40localhost@host.docker.internal"),
        ("http://localhost.example.com", "http://localhost.example.com"),
        ("http://128.0.0.1", "http://128.0.0.1"),
        ("http://[::2]", "http://[::2]"),
        ("http://[bad", "http://[bad"),
        ("localhost:80", "localhost:80"),
        ("", ""),
    ],
)
def test_only_the_host_of_a_url_is_replaced(url: str, expected: str) -> None:
    assert through_gateway(url) == expected
