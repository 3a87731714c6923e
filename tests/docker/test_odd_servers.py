"""A server that does not speak the engine's API: every call ends in one LaunchError, whatever it answers."""

from __future__ import annotations

from typing import Any

import pytest

from launchpad import DockerLauncher, Handle, LaunchError, Run
from launchpad.docker.backend import DockerBackend
from launchpad.docker.spec import RUN_ID

from ..odd_server import ODD, Slow, answer, odd_server

ID = "c" * 64
NORMAL = {
    "version": ("GET /version", answer({"Version": "20.10.0", "ApiVersion": "1.41"})),
    "info": ("GET /v1.41/info", answer({"ID": "engine"})),
    "create": ("POST .*/containers/create", answer({"Id": ID, "Warnings": []}, "201 Created")),
    "attach": ("POST .*/attach", b"HTTP/1.1 101 UPGRADED\r\n\r\n"),
    "events": ("GET .*/events", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"),
    "start": ("POST .*/start", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    "remove": ("DELETE ", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
}
STATE = {
    "Id": ID,
    "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2030-01-01T00:00:00Z"},
    "Config": {"Labels": {RUN_ID: "run"}},
}
RUNNING = {
    "inspect": ("GET .*/containers/c+/json", answer(STATE)),
    "list": ("GET .*/containers/json", answer([{"Id": ID, "State": "running"}])),
}
FEW = ("a page of HTML", "nothing", "a list", "a redirect", "a failure as HTML", "HTTP 2", "a body that is cut off")
HANDLE = Handle("docker", ID, "a", "engine", "run")


class Impatient(DockerLauncher):
    """Gives an engine up soon."""

    address = ""

    def connect(self) -> DockerBackend:
        environ = {"DOCKER_HOST": f"tcp://{self.address}", "DOCKER_CONFIG": "/nowhere", "DOCKER_CLIENT_TIMEOUT": "1"}
        return DockerBackend.connect(environ, max_outage=0.2)


def launcher_of(address: str, **settings: Any) -> DockerLauncher:
    return type("Here", (Impatient,), {"address": address})(image="busybox:1", image_pull_policy="Never", **settings)


def normal_but(stage: str) -> dict[str, bytes]:
    return dict(entry for name, entry in NORMAL.items() if name != stage)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("stage", ["version", "info", "create", "attach", "events"])
def test_a_launch_on_a_server_that_is_no_engine_is_a_launch_error(stage: str, odd: bytes) -> None:
    with odd_server(odd, normal_but(stage)) as (_, address), launcher_of(address) as launcher:
        if stage in ("attach", "events") and odd.startswith(b"HTTP/1.1 200") and b"html" not in odd[:100]:
            pytest.skip("these are bytes of output, or the beginning of a stream")
        with pytest.raises(LaunchError) as caught:
            launcher.submit(Run(command=["true"]), on_output=print)
    assert len(str(caught.value)) < 1500
    assert getattr(caught.value.__cause__, "__cause__", None) is None


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_waiting_stopping_listing_and_removing_on_such_a_server_are_launch_errors(odd: bytes) -> None:
    with (
        odd_server(odd, {pattern: said for name, (pattern, said) in NORMAL.items() if name in ("version", "info")}) as (
            _,
            address,
        ),
        launcher_of(address) as launcher,
    ):
        backend = launcher.connect()
        for call in (lambda: launcher.wait(HANDLE, 20), lambda: launcher.list_runs(), lambda: backend.state(ID)):
            with pytest.raises(LaunchError) as caught:
                call()
            assert len(str(caught.value)) < 1500
        backend.close()


@pytest.mark.parametrize("odd", FEW)
def test_a_container_that_such_a_server_does_not_start_is_a_launch_error(odd: str) -> None:
    with (
        odd_server(ODD[odd], normal_but("start")) as (_, address),
        launcher_of(address) as launcher,
        pytest.raises(LaunchError),
    ):
        launcher.submit(Run(command=["true"]))


@pytest.mark.parametrize("odd", FEW)
def test_a_container_that_such_a_server_does_not_stop_or_remove_is_a_launch_error(odd: str) -> None:
    normal = dict([*RUNNING.values(), *(NORMAL[name] for name in ("version", "info", "events"))])
    with odd_server(ODD[odd], normal) as (_, address), launcher_of(address, grace=0.0) as launcher:
        for call in (launcher.stop, launcher.remove):
            with pytest.raises(LaunchError) as caught:
                call(HANDLE)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stage", ["version", "info", "inspect"])
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(stage: str) -> None:
    usual = {**NORMAL, **RUNNING}
    normal = dict(entry for name, entry in usual.items() if name != stage)
    slow = Slow(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n ")
    with (
        odd_server(slow, normal) as (_, address),
        launcher_of(address) as launcher,
        pytest.raises(LaunchError, match="not complete within 1 s"),
    ):
        launcher.remove(HANDLE)


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_check_of_such_a_server_says_that_it_is_not_available(odd: bytes) -> None:
    with (
        odd_server(odd) as (_, address),
        launcher_of(address) as launcher,
        pytest.raises(LaunchError, match=address),
    ):
        launcher.connect()


def test_a_container_that_podman_removes_during_an_inspection_is_gone() -> None:
    removed = answer({"message": f"no container with ID {ID} found in database: no such container"}, "500 Error")
    normal = dict([NORMAL["version"], NORMAL["info"]])
    with odd_server(removed, normal) as (_, address), launcher_of(address) as launcher:
        backend = launcher.connect()
        assert backend.state(ID) is None
        backend.close()


def test_tls_on_a_plain_port_names_the_address() -> None:
    with odd_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (_, address), pytest.raises(LaunchError, match=address):
        DockerBackend.connect({"DOCKER_HOST": f"https://{address}", "DOCKER_CLIENT_TIMEOUT": "2"})
