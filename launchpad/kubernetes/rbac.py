"""The rights that launching Jobs takes, and which of them are missing."""

from __future__ import annotations

from typing import NamedTuple

from .jobs import Jobs


class Permission(NamedTuple):
    """A verb on a resource of one namespace, as a Role grants it."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


NEEDED = [
    *(Permission("batch", "jobs", verb) for verb in ("create", "get", "list", "watch", "delete")),
    *(Permission("", "pods", verb) for verb in ("get", "list", "watch")),
    Permission("", "pods/log", "get"),
]
USEFUL = {
    Permission("", "events", "list"): "the reason why a run did not start is told in full",
    Permission("", "pods", "delete"): "a run that is stopped in a hurry is killed at once",
}
"""What is better with each of these."""


def missing(jobs: Jobs, rights: list[Permission]) -> list[Permission]:
    """Those of `rights` that we do not have. Transient, ApiError."""
    return [right for right in rights if not _allowed(jobs, right)]


def _allowed(jobs: Jobs, right: Permission) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "namespace": jobs.namespace,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = jobs.api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=review)
    return bool(answer["status"].get("allowed"))
