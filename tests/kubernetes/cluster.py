"""A real cluster for tests: they read its objects, and change them without launchpad."""

from __future__ import annotations

import os
import pathlib
import subprocess
import uuid
from collections.abc import Iterable
from typing import Any

import yaml

from launchpad import KubernetesLauncher, Run
from launchpad.kubernetes.api import KubernetesApi
from launchpad.kubernetes.config import find_cluster
from tests.helping import eventually, until

from .kubeconfigs import kubeconfig

LONG = 120.0

ENGINES = "LAUNCHPAD_TEST_ENGINES"
"""The environment variable that names a program which stops and starts parts of the cluster: `PROGRAM kubernetes stop
kubelet`."""

Object = dict[str, Any]


class Cluster:
    """A namespace, by default a new one, on the cluster that KUBECONFIG names, with its administrator's permissions."""

    def __init__(self, namespace: str = "") -> None:
        self._configure, _ = find_cluster(None, None)
        self.api = KubernetesApi(self._configure)
        self.namespace = namespace or f"launchpad-test-{uuid.uuid4().hex[:8]}"
        if not namespace:
            self.create("", "namespaces", {"metadata": {"name": self.namespace}})

    def remove(self) -> None:
        self.api.request("DELETE", f"/api/v1/namespaces/{self.namespace}")
        self.api.close()

    def path(self, group: str, kind: str, namespace: str | None = None) -> str:
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/{kind}" if kind == "namespaces" else f"{root}/namespaces/{namespace or self.namespace}/{kind}"

    def create(self, group: str, kind: str, item: Object, **names: str) -> Object:
        """Creates an object."""
        return self.api.request("POST", self.path(group, kind, **names), body=item)

    def delete(self, group: str, kind: str, name: str, **options: object) -> None:
        self.api.request("DELETE", f"{self.path(group, kind)}/{name}", body=options or None)

    def list(self, group: str, kind: str, selector: str = "") -> list[Object]:
        items: list[Object] = self.api.request("GET", self.path(group, kind), {"labelSelector": selector})["items"]
        return items

    def jobs(self) -> list[Object]:
        return self.list("batch/v1", "jobs")

    def pods_of(self, job: str) -> list[Object]:
        return self.list("", "pods", f"job-name={job}")

    def set_status(self, pod: str, **status: str) -> None:
        """Updates the status of a pod, as its node or the node controller would."""
        path = f"{self.path('', 'pods')}/{pod}"
        item = self.api.request("GET", path)
        del item["metadata"]["resourceVersion"]  # so that a concurrent update is no conflict
        item["status"].update(status)
        self.api.request("PUT", f"{path}/status", body=item)

    def clear(self) -> None:
        """Removes the Jobs that have ended, and their pods."""
        self.api.request(
            "DELETE", self.path("batch/v1", "jobs"), body={"kind": "DeleteOptions", "propagationPolicy": "Background"}
        )

    def leftovers(self) -> list[str]:
        """The Jobs and pods that have not ended within `LONG` seconds."""
        return eventually(self._unended, lambda left: not left, LONG, interval=0.2)

    def _unended(self) -> list[str]:
        jobs = [
            job["metadata"]["name"]
            for job in self.jobs()
            if not any(one["type"] in ("Complete", "Failed") for one in job["status"].get("conditions") or ())
        ]
        pods = [
            pod["metadata"]["name"]
            for pod in self.list("", "pods")
            if pod["status"].get("phase") in ("Pending", "Running")
        ]
        return jobs + pods

    def service_account(self, name: str, *rules: Object) -> None:
        """Creates a service account that has only the permissions of `rules` in the namespace."""
        api = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        self.create("", "serviceaccounts", {"metadata": {"name": name}})
        self.create(f"{api}/v1", "roles", {"metadata": {"name": name}, "rules": list(rules)})
        role = {"apiGroup": api, "kind": "Role", "name": name}
        self.create(f"{api}/v1", "rolebindings", {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})
        if rules:
            until(lambda: self._is_allowed(name, rules[0]), LONG)  # the API server has the new objects a little later

    def _is_allowed(self, service_account: str, rule: Object) -> bool:
        asked = {"namespace": self.namespace, "group": rule["apiGroups"][0], "verb": rule["verbs"][0]}
        spec = {
            "user": f"system:serviceaccount:{self.namespace}:{service_account}",
            "resourceAttributes": {**asked, "resource": rule["resources"][0]},
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        allowed: bool = self.api.request("POST", path, body={"spec": spec})["status"]["allowed"]
        return allowed

    def token(self, service_account: str) -> str:
        response = self.create("", f"serviceaccounts/{service_account}/token", {"spec": {"expirationSeconds": 3600}})
        token: str = response["status"]["token"]
        return token

    def kubeconfig(self, folder: pathlib.Path, *, server: str | None = None, token: str | None = None) -> pathlib.Path:
        """Writes a kubeconfig for this cluster, by default with its own address and the administrator's token."""
        current = self._configure().auth_settings()["BearerToken"]["value"].split(" ", 1)[1]
        content = kubeconfig(server or self.api.server, token or current, self.namespace)
        file = folder / f"kubeconfig-{uuid.uuid4().hex[:6]}"
        file.write_text(yaml.safe_dump(content))
        return file

    def launcher(self, **settings: Any) -> KubernetesLauncher:
        usual = {
            "image": "busybox:1",
            "image_pull_policy": "IfNotPresent",
            "namespace": self.namespace,
            "grace": 1,
            "pod_watch_timeout": 300,
        }
        return KubernetesLauncher(**{**usual, **settings})


def rule(group: str, resources: str, verbs: str) -> Object:
    """A rule of a Role. Resources and verbs are separated by spaces."""
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


JOBS = rule("batch", "jobs", "create get list watch delete")
"""The permissions on Jobs that launching needs."""


def shell(script: str, **fields: Any) -> Run:
    return Run(command=["sh", "-c", script], **{"name": "test", **fields})


def manifest(**pod: Any) -> dict[str, Any]:
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}


def engine(verb: str, part: str) -> None:
    """Stops or starts a part of the cluster."""
    subprocess.run([os.environ[ENGINES], "kubernetes", verb, part], check=True, timeout=LONG, capture_output=True)


def numbered(lines: Iterable[object]) -> list[str]:
    return [f"line {line}" for line in lines]
