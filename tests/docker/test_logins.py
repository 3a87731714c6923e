"""Logins from docker's config file and from credential helpers, which are scripts here. Without an engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launchpad import EngineUnavailable
from launchpad.core.cancellation import StopToken
from launchpad.docker.logins import Login, find_login

HUB = "https://index.docker.io/v1/"
REGISTRY = "registry.example:5000"

Write = Callable[..., dict[str, str]]


def basic(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes docker's config file; returns the environment that names it."""

    def write(**config: Any) -> dict[str, str]:
        (tmp_path / "config.json").write_text(json.dumps(config))
        return {"DOCKER_CONFIG": str(tmp_path)}

    return write


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes a script the credential helper `test`, the only program on PATH but for those of the system."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def helper(script: str) -> None:
        (tmp_path / "docker-credential-test").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "docker-credential-test").chmod(0o755)

    return helper


def login(environ: dict[str, str], registry: str | None = REGISTRY) -> Login:
    return find_login(registry, environ, StopToken())


@pytest.mark.parametrize(
    ("registry", "key"),
    [(REGISTRY, REGISTRY), (REGISTRY, f"https://{REGISTRY}/v2/"), (None, HUB), (None, "docker.io"), ("docker.io", HUB)],
)
def test_the_login_of_the_config_file_is_found(write: Write, registry: str | None, key: str) -> None:
    found = login(write(auths={"other.example": basic("you:y"), key: basic("me:a:b")}), registry)
    assert found == Login({"username": "me", "password": "a:b", "serveraddress": key})


@pytest.mark.parametrize("config", [{}, {"auths": None}, {"auths": {REGISTRY: {}}}, {"credsStore": "", "auths": {}}])
def test_without_a_login_none_is_sent(write: Write, config: Any) -> None:
    assert login(write(**config)) == Login()
    assert login(write(**config)).header == {}


def test_an_identity_token_of_the_config_file_is_a_login(write: Write) -> None:
    found = login(write(auths={REGISTRY: {"identitytoken": "t"}}))
    assert found.fields == {"identitytoken": "t", "serveraddress": REGISTRY}


@pytest.mark.parametrize(
    "entry",
    ["text", 1, {"auth": 1}, {"auth": "%%%"}, {"auth": "YQ"}, {"auth": "/w=="}, basic("no-colon"), basic(":x"),
     {"username": 1}],
)  # fmt: skip
def test_a_broken_entry_is_no_error_and_its_trouble_names_it(write: Write, entry: Any) -> None:
    environ = write(auths={REGISTRY: entry, "other.example": basic("me:x")})
    assert login(environ).fields == {}
    assert f"the entry of '{REGISTRY}' under 'auths' in " in login(environ).trouble
    assert login(environ, "other.example").fields["username"] == "me"


def test_logins_of_another_shape_are_no_error(write: Write) -> None:
    assert "'auths' in " in login(write(auths=["a"])).trouble
    assert login(write(credHelpers=["a"])) == Login()
    assert "docker-credential-5" in login(write(credsStore=5)).trouble


def test_a_helper_is_asked_for_the_registry(write: Write, helper: Callable[[str], None]) -> None:
    helper("""read server; printf '{"Username":"%s","Secret":"x"}' "$server" """)
    assert login(write(credsStore="test")).fields["username"] == REGISTRY
    assert login(write(credsStore="test"), None).fields["username"] == HUB
    found = login(write(credsStore="other", credHelpers={REGISTRY: "test"}))
    assert found == Login({"username": REGISTRY, "password": "x", "serveraddress": REGISTRY})


def test_the_token_of_a_helper_is_an_identity_token(write: Write, helper: Callable[[str], None]) -> None:
    helper("""echo '{"Username":"<token>","Secret":"t"}'""")
    assert login(write(credsStore="test")).fields["identitytoken"] == "t"


@pytest.mark.parametrize(
    "script",
    ["echo credentials not found in native keychain; exit 1", """echo '{"Username":"","Secret":""}'"""],
)
def test_a_helper_without_an_entry_is_no_trouble(write: Write, helper: Callable[[str], None], script: str) -> None:
    helper(script)
    assert login(write(credsStore="test")) == Login()
    assert login(write(credsStore="test", auths={REGISTRY: basic("me:x")})).fields["username"] == "me"


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        ("echo the vault is locked; exit 3", "docker-credential-test failed with exit status 3: the vault is locked"),
        ("echo no bus >&2; exit 1", "failed with exit status 1: no bus"),
        ("exit 1", "failed with exit status 1"),
        ("kill -9 $$", "failed with exit status -9"),
        ("""echo '{"Secret":"hunter2"}'; exit 1""", "failed with exit status 1"),
        ("echo hunter2", "printed something else than a login"),
        ("""echo '["hunter2"]'""", "printed something else"),
        ("""echo '{"Username":"me"}'""", "printed something else"),
        ("""echo '{"Username":"me","Secret":1}'""", "printed something else"),
        ("true", "printed something else"),
    ],
)
def test_a_helper_that_fails_is_no_error(
    write: Write, helper: Callable[[str], None], script: str, trouble: str
) -> None:
    helper(script)
    found = login(write(credsStore="test"))
    assert found.fields == {}
    assert trouble in found.trouble
    assert "hunter2" not in found.trouble


def test_a_missing_helper_is_no_error_and_the_config_file_is_asked(write: Write) -> None:
    assert "docker-credential-desktop.exe, which " in login(write(credsStore="desktop.exe")).trouble
    assert login(write(credsStore="nowhere", auths={REGISTRY: basic("me:x")})).fields["username"] == "me"


def test_a_helper_that_cannot_be_executed_is_no_error(
    write: Write, helper: Callable[[str], None], tmp_path: Path
) -> None:
    helper("")
    (tmp_path / "docker-credential-test").write_bytes(b"\x7fELF")
    assert "docker-credential-test cannot be run" in login(write(credsStore="test")).trouble


def test_a_stop_ends_a_helper_that_hangs(write: Write, helper: Callable[[str], None]) -> None:
    helper("exec sleep 600")
    stop_token = StopToken()
    stop_token.stop()
    assert "exit status -9" in find_login(REGISTRY, write(credsStore="test"), stop_token).trouble


def test_a_broken_config_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EngineUnavailable, match=r"config.json cannot be read: it must hold a JSON object"):
        login({"DOCKER_CONFIG": str(tmp_path)})


def test_a_login_is_not_shown() -> None:
    assert "hunter2" not in repr(Login({"password": "hunter2"}))
