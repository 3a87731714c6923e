"""The examples, those of the documentation and the Role, on a real cluster."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
import yaml

from launchpad import KubernetesLauncher, LaunchError
from launchpad.kubernetes.rbac import NEEDED, USEFUL, Permission
from tests import documents

from .cluster import LONG, Cluster, eventually, rule, shell

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "kubernetes"
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"

PAGE = ROOT / "docs" / "kubernetes.rst"

ROLE = list(yaml.safe_load_all((EXAMPLES / "role.yaml").read_text()))
ROLES = {role["metadata"]["name"]: role for role in yaml.safe_load_all((EXAMPLES / "roles.yaml").read_text())}


def blocks() -> list[str]:
    return documents.blocks(PAGE, "python")


@pytest.mark.kubernetes
@pytest.mark.parametrize("block", blocks(), ids=range(len(blocks())))
def test_an_example_of_the_documentation_runs(cluster: Cluster, tmp_path: Path, block: str) -> None:
    documents.write_files(PAGE, tmp_path)
    environment = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig(tmp_path)), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", block]
    script = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=LONG)
    assert (script.returncode, script.stderr) == (0, "")


def granted(*roles: Any) -> set[Permission]:
    return {
        Permission(group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_role_of_the_examples_grants_what_launching_needs_and_no_more() -> None:
    assert granted(*(item for item in ROLE if item["kind"] == "Role")) == set(NEEDED)


def test_the_roles_for_each_feature_grant_what_it_needs_and_no_more() -> None:
    needed = {permission for permission in NEEDED if permission.resource != "pods/log"}
    assert granted(ROLES["launchpad-launch"]) == needed
    assert granted(ROLES["launchpad-output"]) == set(NEEDED) - needed
    assert granted(ROLES["launchpad-explain"]) == set(USEFUL)
    read = {permission for permission in NEEDED if permission.verb in ("get", "list", "watch")}
    assert granted(ROLES["launchpad-observe"]) == read


@pytest.mark.kubernetes
def test_the_roles_are_enough_for_their_features(cluster: Cluster, tmp_path: Path) -> None:
    tokens = {}
    for name in ("launchpad-launch", "launchpad-observe"):
        cluster.service_account(name, *ROLES[name]["rules"])
        tokens[name] = cluster.kubeconfig(tmp_path, token=cluster.token(name))
    with cluster.launcher(kubeconfig=tokens["launchpad-launch"], stream_output=False) as launcher:
        handle = launcher.start(shell("echo hello"))
        assert launcher.wait(handle, LONG).ok
        with cluster.launcher(kubeconfig=tokens["launchpad-observe"]) as observer:
            assert handle in [run.handle for run in observer.list_runs()]
            assert list(observer.logs(handle)) == ["hello"]
            assert observer.wait(handle, LONG).ok
            with pytest.raises(LaunchError, match="Not allowed to create jobs"):
                observer.submit(shell("true"))
        launcher.remove(handle)


def certificates(server: str) -> str:
    """The certificates that the API server presents."""
    shown = subprocess.run(
        ["openssl", "s_client", "-showcerts", "-connect", urlsplit(server).netloc],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", shown.stdout, re.S)
    return "".join(found)


def launching_pod(cluster: Cluster) -> dict[str, Any]:
    """A pod that runs the example with these sources and packages, on the network of the cluster's only node."""
    server = urlsplit(cluster.api.server)
    mounts = {"/launchpad": str(ROOT), "/packages": str(Path(attrs.__file__).parents[1])}
    account = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "authority"}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    volumes: list[dict[str, Any]] = [{"name": "account", "projected": {"sources": account}}]
    volumes += [{"name": path[1:], "hostPath": {"path": source}} for path, source in mounts.items()]
    container = {
        "name": "launching",
        "image": "python:3.11",
        "imagePullPolicy": "IfNotPresent",
        "args": ["python", "/launchpad/examples/kubernetes/fan_out.py", "busybox:1", "2"],
        "env": [
            {"name": "KUBERNETES_SERVICE_HOST", "value": server.hostname},
            {"name": "KUBERNETES_SERVICE_PORT", "value": str(server.port)},
            {"name": "PYTHONPATH", "value": "/launchpad:/packages"},
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
        ],
        "volumeMounts": [{"name": "account", "mountPath": SECRETS, "readOnly": True}]
        + [{"name": path[1:], "mountPath": path, "readOnly": True} for path in mounts],
    }
    spec = {
        "serviceAccountName": "launchpad",
        "automountServiceAccountToken": False,
        "hostNetwork": True,
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": volumes,
    }
    return {"metadata": {"name": "launching"}, "spec": spec}


@pytest.mark.kubernetes
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is needed to get the cluster's certificate")
def test_a_pod_with_only_that_role_launches_jobs(cluster: Cluster) -> None:
    for item in ROLE:
        group = item["apiVersion"] if "/" in item["apiVersion"] else ""
        for subject in item.get("subjects", ()):
            subject["namespace"] = cluster.namespace
        cluster.create(group, f"{item['kind'].lower()}s", item)
    authority = {"metadata": {"name": "authority"}, "data": {"ca.crt": certificates(cluster.api.server)}}
    cluster.create("", "configmaps", authority)
    cluster.create("", "pods", launching_pod(cluster))
    path = f"{cluster.path('', 'pods')}/launching"
    ended = eventually(
        lambda: cluster.api.request("GET", path)["status"],
        lambda status: status["phase"] in ("Succeeded", "Failed"),
        LONG,
    )
    stream = cluster.api.stream(f"{path}/log")
    log = stream.read_all(LONG).decode()
    stream.close()
    cluster.delete("", "pods", "launching")
    assert (ended["phase"], log.splitlines()[-1:]) == ("Succeeded", ["2 of 2 succeeded"]), log


@pytest.mark.kubernetes
def test_doctor_names_the_missing_permissions(cluster: Cluster, tmp_path: Path) -> None:
    from launchpad.kubernetes.check import check

    cluster.service_account("onlooker", rule("batch", "jobs", "get list watch"))
    health = check(cluster.launcher(kubeconfig=cluster.kubeconfig(tmp_path, token=cluster.token("onlooker"))))
    assert (health.usable, health.version[:1]) == (False, "v")
    assert "create jobs, delete jobs, get pods, list pods, watch pods, delete pods, get pods/log" in health.detail


@pytest.mark.kubernetes
def test_doctor_is_content_with_all_permissions(cluster: Cluster) -> None:
    from launchpad.kubernetes.check import check

    health = check(cluster.launcher())
    assert (health.usable, health.advice) == (True, "")
    assert cluster.namespace in health.detail


def test_doctor_without_a_cluster_is_an_error(tmp_path: Path) -> None:
    from launchpad import EngineUnavailable
    from launchpad.kubernetes.check import check

    with pytest.raises(EngineUnavailable, match="KUBECONFIG"):
        check(KubernetesLauncher(kubeconfig=tmp_path / "missing"))
