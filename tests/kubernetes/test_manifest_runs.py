"""Base manifests, proxies and login plugins on a real cluster."""

from __future__ import annotations

import ipaddress
import json
import pathlib
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from launchpad import EngineUnavailable, KubernetesLauncher, LaunchError, Reason, Run
from tests.helping import RecordedLines

from .cluster import Cluster, manifest, shell

pytestmark = pytest.mark.kubernetes

SECRET = "hush-0123456789"


def test_the_command_of_the_run_runs_in_place_of_the_manifests(cluster: Cluster) -> None:
    lines = RecordedLines()
    base = manifest(containers=[{"name": "pi", "command": ["sh", "-c"], "args": ["echo theirs"]}])
    with cluster.launcher(job=base) as launcher:
        assert launcher.submit(shell("echo ours"), on_output=lines)
    assert lines.lines == ["ours"]


def test_a_job_that_was_exported_from_the_cluster_can_be_launched(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    lines = RecordedLines()
    with cluster.launcher(env={"A": "1"}) as launcher:
        handle = launcher.start(Run(command=["true"], name="first"))
        launcher.wait(handle)
        exported = next(job for job in cluster.jobs() if job["metadata"]["name"] == handle.name)
    document = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "batch/v1", "kind": "Job", **exported}]}
    (tmp_path / "job.yaml").write_text(f"---\n{yaml.safe_dump(document)}---\n")
    with cluster.launcher(job=tmp_path / "job.yaml") as launcher:
        assert launcher.submit(shell("echo $A"), on_output=lines)
    assert lines.lines == ["1"]


@pytest.mark.parametrize(
    ("base", "field"),
    [
        (manifest(nodeSelecter={"no": "such"}), "spec.template.spec.nodeSelecter"),
        (manifest(containers=[{"name": "job", "env_from": []}]), r"spec.template.spec.containers\[0\].env_from"),
    ],
)
def test_a_field_that_the_server_does_not_know_is_an_error(cluster: Cluster, base: Any, field: str) -> None:
    with cluster.launcher(job=base) as launcher, pytest.raises(LaunchError, match=field):
        launcher.submit(shell("true"))
    assert cluster.jobs() == []


def test_no_value_of_the_environment_is_in_the_refusal_of_the_server(cluster: Cluster) -> None:
    base = manifest(containers=[{"name": "job", "livenessProbe": {"periodSeconds": SECRET}}])
    launcher = cluster.launcher(job=base, env={"TOKEN": SECRET})
    with launcher, pytest.raises(LaunchError, match=r"\(400\)") as raised:
        launcher.submit(shell("true"))
    assert SECRET[:8] not in str(raised.value)


def test_a_number_as_a_value_in_a_patch_arrives_as_text(cluster: Cluster) -> None:
    path, lines = "/spec/template/spec/containers/0/env/-", RecordedLines()
    patch = [{"op": "add", "path": path, "value": {"name": "A", "value": 7}}]
    with cluster.launcher(customizations=patch) as launcher:
        assert launcher.submit(shell("echo $A"), on_output=lines)
    assert lines.lines == ["7"]


def test_a_server_in_a_range_of_no_proxy_is_reached_without_the_proxy(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = socket.gethostbyname(urlsplit(cluster.api.server).hostname or "")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        proxy = f"http://me:{SECRET}@127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "192.0.2.0/24")
    with cluster.launcher() as launcher, pytest.raises(EngineUnavailable, match="through the proxy") as raised:
        launcher.submit(shell("true"))
    assert SECRET not in str(raised.value)
    monkeypatch.setenv("NO_PROXY", str(ipaddress.ip_network(f"{address}/8", strict=False)))
    with cluster.launcher() as launcher:
        assert launcher.submit(shell("true"))


def test_a_login_plugin_gives_the_token_of_each_connection(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    file = cluster.kubeconfig(tmp_path)
    content = yaml.safe_load(file.read_text())
    version = "client.authentication.k8s.io/v1beta1"
    status = {"token": content["users"][0]["user"]["token"]}
    response = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    content["users"][0]["user"] = {"exec": {"apiVersion": version, "command": "echo", "args": [response]}}
    file.write_text(yaml.safe_dump(content))
    with KubernetesLauncher(image="busybox:1", kubeconfig=file, grace=1) as launcher:
        assert launcher.submit(shell("true"))


def test_variables_come_from_secrets_and_config_maps(cluster: Cluster) -> None:
    password = {"secret": "db", "key": "password"}
    cluster.create("", "secrets", {"metadata": {"name": "db"}, "stringData": {"password": "$(A) hush", "LEVEL": "1"}})
    cluster.create("", "configmaps", {"metadata": {"name": "site"}, "data": {"LEVEL": "2", "LAUNCHPAD_RUN_ID": "no"}})
    lines = RecordedLines()
    settings: dict[str, Any] = {"env": {"P": password, "A": "a"}, "env_from": ["secret:db", "configmap:site"]}
    with cluster.launcher(**settings) as launcher:
        assert launcher.submit(shell('echo "$P, $LEVEL, $LAUNCHPAD_RUN_ID"', id="id-1"), on_output=lines)
        assert launcher.submit(shell("echo $P $LEVEL", env={"P": "run", "LEVEL": 3}), on_output=lines)
    assert lines.lines == ["$(A) hush, 2, id-1", "run 3"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"env": {"P": {"secret": "no-such", "key": "k"}}}, "no-such"),
        ({"env": {"P": {"configmap": "kube-root-ca.crt", "key": "no-such-key"}}}, "no-such-key.*kube-root-ca.crt"),
        ({"env_from": ["secret:no-such"]}, "no-such"),
    ],
)
def test_a_missing_secret_or_key_ends_the_run_at_once(cluster: Cluster, settings: Any, words: str) -> None:
    with cluster.launcher(**settings, pod_watch_timeout=1000) as launcher:
        outcome = launcher.launch(shell("true"))
    assert (outcome.ok, outcome.reason) == (False, Reason.CONFIG)
    assert re.search(words, outcome.message), outcome.message
    assert cluster.jobs() == []
