"""The permissions that launching Jobs needs, and which of them are missing."""

from __future__ import annotations

from typing import NamedTuple

from .api import Jobs


class Permission(NamedTuple):
    """A verb on a resource of one namespace, as a Role grants it."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


NEEDED = [
    *(Permission("batch", "jobs", verb) for verb in ("create", "get", "list", "watch", "delete")),
    *(Permission("", "pods", verb) for verb in ("get", "list", "watch", "delete")),
    Permission("", "pods/log", "get"),
]
USEFUL = {
    Permission("", "events", "list"): "the reason why a run did not start is reported in full",
    Permission("", "events", "watch"): "the reason why a run is pending is reported in full",
}
"""Optional permissions, and what each of them improves."""


def missing(jobs: Jobs, permissions: list[Permission]) -> list[Permission]:
    """The permissions that are not granted. Transient, ApiError."""
    return [permission for permission in permissions if not _is_granted(jobs, permission)]


def _is_granted(jobs: Jobs, permission: Permission) -> bool:
    resource, _, subresource = permission.resource.partition("/")
    attributes = {
        "namespace": jobs.namespace,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "verb": permission.verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    response = jobs.api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
    return bool(response["status"].get("allowed"))
