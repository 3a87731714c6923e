"""What launchpad asks of the API server about the Jobs of one namespace, each as one request."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ..net.streams import Stream
from .api import Api
from .spec import CONTAINER

Object = dict[str, Any]


class Jobs:
    """The Jobs of one namespace, their pods and their events. Thread-safe. All raise Transient and ApiError."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.path = f"/apis/batch/v1/namespaces/{quote(namespace)}/jobs"
        self.pods_path = f"/api/v1/namespaces/{quote(namespace)}/pods"

    def create(self, manifest: Object, manager: str) -> Object:
        """Makes a Job; `manager` is who the server notes as its writer (Kubernetes 1.18 and later)."""
        return self.api.request("POST", self.path, {"fieldManager": manager}, manifest)

    def read(self, name: str) -> Object:
        return self.api.request("GET", f"{self.path}/{quote(name)}")

    def delete(self, name: str, uid: str | None) -> None:
        """Deletes the Job, which goes when its pods are gone. With a uid: this one, not another of its name."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        self.api.request("DELETE", f"{self.path}/{quote(name)}", body=options)

    def pods(self, name: str) -> list[Object]:
        """The pods of the Job, at this moment."""
        pods: list[Object] = self.api.request("GET", self.pods_path, {"labelSelector": f"job-name={name}"})["items"]
        return pods

    def delete_pod(self, name: str, grace: int) -> None:
        """Has the node end the pod within `grace` seconds. With 0 it is forgotten, without waiting for the node."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": grace}
        self.api.request("DELETE", f"{self.pods_path}/{quote(name)}", body=options)

    def events(self, uid: str) -> list[Object]:
        """The cluster's events about one object."""
        path = f"/api/v1/namespaces/{quote(self.namespace)}/events"
        events: list[Object] = self.api.request("GET", path, {"fieldSelector": f"involvedObject.uid={uid}"})["items"]
        return events

    def log(self, pod: str, since: str | None, follow: bool) -> Stream:
        """The run's log, each line with its time; from `since` on (RFC 3339, whole seconds). Followed, or as it is."""
        query = {"container": CONTAINER, "follow": "true" if follow else "false", "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = since
        return self.api.stream(f"{self.pods_path}/{quote(pod)}/log", query)
