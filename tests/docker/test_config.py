"""The engine's address by the rules of the docker CLI. Without an engine."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from launchpad import EngineUnavailable
from launchpad.docker.config import Address, Tls, engine_address, timeout
from launchpad.docker.connections import dial, ssh_command
from launchpad.docker.status import knows_gateway


def context(folder: Path, name: str, host: str, *, skip_verify: bool = False, tls: bool = False) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = folder / "contexts" / "meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    endpoint: dict[str, Any] = {"Host": host, "SkipTLSVerify": skip_verify}
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    if tls:
        files = folder / "contexts" / "tls" / digest / "docker"
        files.mkdir(parents=True)
        for file in ("ca.pem", "cert.pem", "key.pem"):
            (files / file).touch()


def test_docker_host_comes_before_contexts(tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://a:1", "DOCKER_CONTEXT": "b", "DOCKER_CONFIG": str(tmp_path)}
    assert engine_address(environ) == Address("tcp://a:1")


def test_docker_context_comes_before_the_current_context(tmp_path: Path) -> None:
    context(tmp_path, "one", "tcp://one:1")
    context(tmp_path, "two", "ssh://two")
    (tmp_path / "config.json").write_text('{"currentContext": "one"}')
    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}).url == "tcp://one:1"
    assert engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"}).url == "ssh://two"


def test_the_default_is_the_local_socket(tmp_path: Path) -> None:
    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}).url == "unix:///var/run/docker.sock"
    assert engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"}).scheme == "unix"


def test_an_unknown_context_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    context(tmp_path, "one", "tcp://one:1")
    with pytest.raises(EngineUnavailable, match="no docker context 'two'; known are: default, one"):
        engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"})


def test_a_context_that_does_not_exist_is_an_error_that_names_what_sets_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(EngineUnavailable, match=rf"context 'gone'.*currentContext in {tmp_path}/config.json"):
        engine_address({"DOCKER_CONFIG": str(tmp_path)})
    with pytest.raises(EngineUnavailable, match=r"context 'two'.*DOCKER_CONTEXT"):
        engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"})


@pytest.mark.parametrize("host", [{}, {"DOCKER_HOST": "tcp://h:1"}])
@pytest.mark.parametrize(
    "text",
    ["{", "[]", '"a"', "1", "\xff", "[" * 9999, '{"currentContext": 1}', '{"proxies": []}', '{"HttpHeaders": "a"}',
     '{"proxies": {"default": "http://p"}}'],
)  # fmt: skip
def test_a_broken_config_is_an_error_that_names_the_file(tmp_path: Path, text: str, host: dict[str, str]) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(EngineUnavailable, match=r"config.json (cannot be read|is not valid)"):
        engine_address({"DOCKER_CONFIG": str(tmp_path), **host})


@pytest.mark.parametrize("text", ["", " \n", "null", "{}", '{"auths": [1], "credsStore": 2}', '{"proxies": null}'])
def test_a_config_without_settings_is_accepted_as_the_docker_cli_accepts_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}).scheme == "unix"
    assert engine_address({"DOCKER_CONFIG": str(tmp_path / "missing")}).scheme == "unix"


def test_a_config_that_is_no_file_or_in_no_directory_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineUnavailable, match=r"file/config.json cannot be read: Not a directory"):
        engine_address({"DOCKER_CONFIG": str(tmp_path / "file")})
    (tmp_path / "config.json").mkdir()
    with pytest.raises(EngineUnavailable, match=r"config.json cannot be read: Is a directory"):
        engine_address({"DOCKER_CONFIG": str(tmp_path)})


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"Endpoints": []}', '{"Endpoints": {"docker": 1}}', '{"Endpoints": {"docker": {"Host": 1}}}',
     '{"Endpoints": {"docker": {"Host": "ftp://h"}}}', '{"Endpoints": {"docker": {"Host": "tcp://h:x"}}}'],
)  # fmt: skip
def test_a_broken_context_is_an_error_that_names_its_file(tmp_path: Path, text: str) -> None:
    context(tmp_path, "far", "tcp://far:2376")
    next(tmp_path.glob("contexts/meta/*/meta.json")).write_text(text)
    with pytest.raises(EngineUnavailable, match=r"meta\.json"):
        engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"})
    with pytest.raises(EngineUnavailable, match="no docker context 'other'"):
        engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "other"})


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        (["key.pem"], r"key.pem is missing"),
        (["cert.pem"], r"cert.pem is missing"),
        (["ca.pem", "cert.pem", "key.pem"], "docker has none of ca.pem, cert.pem, key.pem"),
    ],
)
def test_a_context_whose_certificates_are_missing_is_an_error_that_names_them(
    tmp_path: Path, removed: list[str], message: str
) -> None:
    context(tmp_path, "far", "tcp://far:2376", tls=True)
    for name in removed:
        next(tmp_path.glob(f"contexts/tls/*/docker/{name}")).unlink()
    with pytest.raises(EngineUnavailable, match=message):
        engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"})


def test_verification_needs_a_certificate_authority_but_for_a_local_socket(tmp_path: Path) -> None:
    environ = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    with pytest.raises(EngineUnavailable, match=rf"{tmp_path}/ca.pem is missing.*DOCKER_CERT_PATH"):
        engine_address({**environ, "DOCKER_HOST": "tcp://h"})
    assert engine_address({**environ, "DOCKER_HOST": "unix:///a"}).tls is None


def test_a_file_that_is_no_certificate_is_an_error_that_names_it(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("rubbish")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for ca in (str(tmp_path / "ca.pem"), None):
            tls = Tls(ca, str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
            with pytest.raises(EngineUnavailable, match=rf"{tmp_path}/{'ca' if ca else 'cert'}.pem"):
                dial(Address(url, tls), 5)


def test_a_context_has_its_own_certificates(tmp_path: Path) -> None:
    context(tmp_path, "far", "tcp://far:2376", tls=True)
    tls = engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"}).tls
    assert tls is not None
    assert tls.verify
    assert str(tls.ca).endswith("docker/ca.pem")


def test_a_context_may_disable_verification(tmp_path: Path) -> None:
    context(tmp_path, "far", "tcp://far:2376", skip_verify=True)
    assert engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "far"}).tls == Tls(None, None, None, False)


def test_the_tls_variables_apply_to_docker_host(tmp_path: Path) -> None:
    for file in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / file).touch()
    environ = {"DOCKER_HOST": "tcp://a", "DOCKER_CERT_PATH": str(tmp_path)}
    assert engine_address(environ).tls is None
    verified = engine_address({**environ, "DOCKER_TLS_VERIFY": "1"})
    assert verified.tls == Tls(f"{tmp_path}/ca.pem", f"{tmp_path}/cert.pem", f"{tmp_path}/key.pem")
    assert verified.host_and_port == ("a", 2376)
    unverified = engine_address({**environ, "DOCKER_TLS": "1"}).tls
    assert unverified is not None
    assert not unverified.verify


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("unix:///a/b.sock", "unix:///a/b.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("tcp://h:1", "tcp://h:1"),
        ("h:1", "tcp://h:1"),
        (" tcp://h:1 ", "tcp://h:1"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("ssh://me@h:22", "ssh://me@h:22"),
    ],
)
def test_addresses_are_accepted_as_the_docker_cli_accepts_them(host: str, url: str) -> None:
    assert engine_address({"DOCKER_HOST": host}).url == url


@pytest.mark.parametrize("host", ["ftp://h", "tcp://", "tcp://h:port", "fd://", "npipe:////./pipe/docker_engine"])
def test_other_addresses_are_errors_that_name_them(host: str) -> None:
    with pytest.raises(EngineUnavailable, match=host.partition("://")[0]):
        engine_address({"DOCKER_HOST": host})


def test_the_default_ports() -> None:
    assert Address("tcp://h").host_and_port == ("h", 2375)
    assert Address("tcp://[::1]:5").host_and_port == ("::1", 5)


def test_the_client_timeout_is_in_seconds() -> None:
    assert timeout({}) == 60
    assert timeout({"DOCKER_CLIENT_TIMEOUT": "2.5"}) == 2.5
    for text in ("soon", "0", "-1", "inf"):
        with pytest.raises(EngineUnavailable, match="DOCKER_CLIENT_TIMEOUT"):
            timeout({"DOCKER_CLIENT_TIMEOUT": text})


def test_ssh_addresses_use_the_command_of_the_docker_cli() -> None:
    assert ssh_command("ssh://me@host:23", 30) == [
        "ssh", "-o", "ConnectTimeout=30", "-T", "-l", "me", "-p", "23", "--", "host", "docker", "system", "dial-stdio",
    ]  # fmt: skip
    assert ssh_command("ssh://host/run/d.sock", 30)[-5:] == [
        "docker",
        "--host",
        "unix:///run/d.sock",
        "system",
        "dial-stdio",
    ]


@pytest.mark.parametrize(
    ("version", "known"),
    [("20.10.0-ce", True), ("19.03.15", False), ("28.2.2", True), ("4.9.4-rhel", False), ("dev", True)],
)
def test_engines_from_20_10_on_know_host_gateway(version: str, known: bool) -> None:
    assert knows_gateway(version) is known
