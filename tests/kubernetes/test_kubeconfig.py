"""Kubeconfig files that are missing or broken, and login plugins."""

from __future__ import annotations

import base64
import json
import pathlib
import time
from typing import Any

import pytest
import yaml

from launchpad import EngineUnavailable, KubernetesLauncher, Run
from launchpad.kubernetes.config import find_cluster
from launchpad.kubernetes.kubeconfig import Entry, select
from launchpad.kubernetes.login import Login

from .kubeconfigs import kubeconfig

SERVER = "https://127.0.0.1:6443"
VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def written(folder: pathlib.Path, content: Any = None, name: str = "config", **parts: Any) -> str:
    """A kubeconfig with other parts of its cluster, user and context than a working one."""
    if content is None:
        content = kubeconfig(SERVER, "hush-token", "here")
        for kind in ("cluster", "user", "context"):
            content[f"{kind}s"][0][kind] = parts.pop(kind, content[f"{kind}s"][0][kind])
        content.update(parts)
    file = folder / name
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(file)


def configured(file: str | None, context: str | None = None) -> Any:
    configure, _ = find_cluster(file, context)
    return configure()


def test_the_namespace_and_the_credentials_are_those_of_the_context(tmp_path: pathlib.Path) -> None:
    configure, namespace = find_cluster(written(tmp_path), None)
    assert namespace == "here"
    for _ in range(2):  # the second time, the file is read again
        configuration = configure()
        assert configuration.host == SERVER
        assert configuration.auth_settings()["BearerToken"]["value"] == "Bearer hush-token"


CA = "certificate-authority"
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "no current-context"),
    ({"content": "- a"}, "must hold a mapping"),
    ({"content": "a: [hush-token"}, r"config:\d cannot be used: it is not valid YAML"),
    ({"content": "users: {u: hush-token}"}, "users must be a list"),
    ({"content": "users: [hush-token]"}, r"users\[0\] must be a mapping with a name"),
    ({"current-context": None}, r"no current-context: .*there are: ctx"),
    ({"current-context": "gone"}, r"no context 'gone' in .*; there are: ctx\."),
    ({"context": {"cluster": "gone"}}, r"context 'ctx': its cluster 'gone' is not there \(there are: c\)"),
    ({"context": {"cluster": "c", "user": "gone"}}, r"its user 'gone' is not there \(there are: u\)"),
    ({"context": {"user": "u"}}, "it names no cluster"),
    ({"context": None}, "it names no cluster"),
    ({"clusters": None}, r"its cluster 'c' is not there \(there are: none\)"),
    ({"cluster": {}}, "it has no server"),
    ({"cluster": {"server": "127.0.0.1:6443"}}, "server must be an address such as https://"),
    ({"cluster": {"server": "https://h:port"}}, "server must be an address"),
    ({"cluster": {"server": SERVER, "insecure-skip-tls-verify": "false"}}, "must be true or false"),
    ({"cluster": {"server": SERVER, "proxy-url": "socks5://u:hush-token@p"}}, "proxy-url must be an address"),
    ({"cluster": {"server": SERVER, f"{CA}-data": "LS0tLS1CR"}}, f"{CA}-data is not valid base64"),
    ({"cluster": {"server": SERVER, f"{CA}-data": "ä"}}, f"{CA}-data is not valid base64"),
    ({"cluster": {"server": SERVER, f"{CA}-data": "aHVzaA=="}}, f"{CA}-data holds no valid certificate"),
    ({"cluster": {"server": SERVER, CA: "gone.pem"}}, f"{CA}: the file .*gone.pem cannot be read: No such file"),
    ({"cluster": {"server": SERVER, CA: "."}}, f"{CA}: the file .* cannot be read: Is a directory"),
    ({"cluster": {"server": SERVER, CA: "config"}}, f"{CA}: the file .*config holds no valid certificate"),
    ({"user": {"token": ["hush-token"]}}, "token must be text"),
    ({"user": {"token": "hush-token\nx"}}, "its token has spaces or characters"),
    ({"user": {"token": "hush-token…"}}, "its token has spaces or characters"),
    ({"user": {"tokenFile": "gone"}}, "tokenFile: the file .*gone cannot be read"),
    ({"user": {"username": "me"}}, "a username and no password"),
    ({"user": {"client-certificate": "config"}}, "client-certificate: the file .* holds no valid certificate"),
    ({"user": {"client-certificate-data": "a"}}, "client-certificate-data is not valid base64"),
    ({"user": {"client-key-data": "aHVzaA=="}}, "client-key-data holds no private key"),
    ({"user": {"auth-provider": {"name": "azure"}}}, "auth-provider is not supported"),
    ({"user": {"auth-provider": {"name": "oidc"}}}, "no credentials that can be used"),
    ({"user": {"exec": "hush-token"}}, "exec must be a mapping"),
    ({"user": {"exec": {"command": "x"}}}, "exec must have a command and an apiVersion"),
]


@pytest.mark.parametrize(("parts", "problem"), BROKEN)
def test_a_broken_kubeconfig_is_unavailable_with_its_file_and_what_is_wrong(
    tmp_path: pathlib.Path, parts: Any, problem: str
) -> None:
    file = written(tmp_path, **parts)
    with pytest.raises(EngineUnavailable, match=problem) as raised:
        configured(file)
    assert file in str(raised.value)
    assert "hush-token" not in str(raised.value)


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_a_folder_or_an_unreadable_file_is_named(tmp_path: pathlib.Path, make: str) -> None:
    file = tmp_path / "config"
    getattr(file, make)()
    if make == "touch":
        file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EngineUnavailable, match=f"{file}.*(Is a directory|not valid YAML)"):
        configured(str(file))


def test_a_missing_kubeconfig_says_where_it_was_expected(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineUnavailable, match=r"no file ~/.kube/config .default."):
        configured(None)
    monkeypatch.setenv("KUBECONFIG", "/gone/a:/gone/b")
    with pytest.raises(EngineUnavailable, match=r"no file /gone/a:/gone/b .KUBECONFIG."):
        configured(None)
    with pytest.raises(EngineUnavailable, match=r"no file /gone/c .the launcher's kubeconfig."):
        KubernetesLauncher(image="i", kubeconfig="/gone/c").submit(Run(command=["x"]))


def test_several_files_are_merged_and_missing_ones_skipped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(tmp_path, {"contexts": [{"name": "other", "context": {"cluster": "c", "user": "u"}}]}, "first")
    empty, second = written(tmp_path, "", "empty"), written(tmp_path)
    monkeypatch.setenv("KUBECONFIG", f"{first}:/gone:{empty}::{second}")
    assert configured(None, "other").host == configured(None).host == SERVER


def test_the_first_file_that_names_something_wins(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = written(tmp_path, name="first", cluster={"server": "https://first"})
    monkeypatch.setenv("KUBECONFIG", f"{first}:{written(tmp_path)}")
    assert configured(None).host == "https://first"


def test_a_context_without_a_user_is_anonymous(tmp_path: pathlib.Path) -> None:
    assert configured(written(tmp_path, context={"cluster": "c"})).auth_settings() == {}


def test_a_token_is_read_from_its_file_without_the_newline(tmp_path: pathlib.Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    configuration = configured(written(tmp_path, user={"tokenFile": "token"}))
    assert configuration.auth_settings()["BearerToken"]["value"] == "Bearer abc"


def test_a_user_with_a_password_has_credentials(tmp_path: pathlib.Path) -> None:
    configuration = configured(written(tmp_path, user={"username": "me", "password": 1234}))
    expected = base64.b64encode(b"me:1234").decode()
    assert configuration.auth_settings()["BearerToken"]["value"] == f"Basic {expected}"


# Login plugins.


def plugin(script: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": VERSION, "command": "sh", "args": ["-c", script], "installHint": "ask IT", **more}}


def printing(status: Any, version: str = VERSION) -> str:
    return f"echo '{json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status})}'"


def test_the_token_of_a_login_plugin_is_used(tmp_path: pathlib.Path) -> None:
    configuration = configured(written(tmp_path, user=plugin(printing({"token": "abc"}))))
    assert configuration.auth_settings()["BearerToken"]["value"] == "Bearer abc"


def test_a_plugin_gets_its_environment_and_what_it_is_asked_for(tmp_path: pathlib.Path) -> None:
    script = 'test "$A" = 1 && echo "$KUBERNETES_EXEC_INFO" > info && ' + printing({"token": "abc"})
    settings = plugin(script, env=[{"name": "A", "value": "1"}], provideClusterInfo=True)
    configured(written(tmp_path, user=settings))
    info = json.loads((tmp_path / "info").read_text())
    assert info["spec"]["cluster"]["server"] == SERVER
    assert info["spec"]["interactive"] is False


def test_an_expired_token_is_renewed_and_a_valid_one_is_not(tmp_path: pathlib.Path) -> None:
    script = "n=$(cat n || echo 0); echo $((n+1)) > n; " + printing(
        {"token": "NUMBER", "expirationTimestamp": "2020-01-01T00:00:00.5Z"}
    ).replace("NUMBER", "t'$n'")
    configuration = configured(written(tmp_path, user=plugin(script)))
    tokens = [configuration.auth_settings()["BearerToken"]["value"] for _ in range(2)]
    assert tokens[0] != tokens[1]
    still = printing({"token": "x", "expirationTimestamp": "2999-01-01T00:00:00Z"})
    configuration = configured(written(tmp_path, user=plugin(f"echo . >> calls; {still}")))
    assert configuration.auth_settings() == configuration.auth_settings()
    assert (tmp_path / "calls").read_text() == ".\n"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"exec": {"apiVersion": VERSION, "command": "no-such-login"}},
            "'no-such-login' of .*could not be run: No such",
        ),
        ({"exec": {"apiVersion": VERSION, "command": "./config"}}, "could not be run: Permission denied"),
        (plugin("echo expired session >&2; exit 3"), r"failed with exit status 3: expired session \(ask IT\)\."),
        (plugin("kill -9 $$"), "was killed by signal 9"),
        (plugin("echo hush-token"), "did not print an ExecCredential"),
        (plugin("true"), "did not print an ExecCredential"),
        (plugin("echo 7"), "did not print an ExecCredential"),
        (plugin(printing(None)), "did not print an ExecCredential"),
        (plugin(printing({"token": "hush-token", "expirationTimestamp": "soon"})), "did not print an ExecCredential"),
        (plugin(printing({})), "neither a token nor a certificate"),
        (plugin(printing({"token": 7})), "that is not text"),
        (plugin(printing({"token": "hush-token x"})), "a token with spaces"),
        (plugin(printing({"clientCertificateData": "x"})), "neither a token nor a certificate"),
        (plugin(printing({"token": "hush-token"}, "v0")), "printed apiVersion 'v0'"),
        (plugin("true", interactiveMode="Always"), "there is no terminal"),
        (plugin("true", env={"A": "1"}), "exec.env must be a list"),
    ],
)
def test_a_login_plugin_that_fails_is_named_with_its_own_words(
    tmp_path: pathlib.Path, settings: Any, problem: str
) -> None:
    with pytest.raises(EngineUnavailable, match=problem) as raised:
        configured(written(tmp_path, user=settings))
    assert "hush-token" not in str(raised.value)
    assert "config" in str(raised.value)


def test_a_login_plugin_that_hangs_is_killed_with_its_children(tmp_path: pathlib.Path) -> None:
    user = Entry("user", "u", plugin("echo wait >&2; sleep 60; echo"), str(tmp_path / "config"))
    started = time.monotonic()
    with pytest.raises(EngineUnavailable, match=r"did not end within 1 s"):
        Login(user, Entry("cluster", "c", {}, "f"), timeout=1.0).credentials()
    assert time.monotonic() - started < 50


def test_the_secrets_of_a_user_are_not_in_its_repr(tmp_path: pathlib.Path) -> None:
    assert "hush-token" not in repr(select(written(tmp_path), None))
