"""The rights that launching Jobs takes, and which of them are missing."""

from __future__ import annotations

from typing import NamedTuple

from .jobs import Jobs


class Right(NamedTuple):
    """A verb on a resource of one namespace, as a Role grants it."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


NEEDED = [
    *(Right("batch", "jobs", verb) for verb in ("create", "get", "list", "watch", "delete")),
    *(Right("", "pods", verb) for verb in ("get", "list", "watch")),
    Right("", "pods/log", "get"),
]
USEFUL = {
    Right("", "events", "list"): "the reason why a run did not start is told in full",
    Right("", "pods", "delete"): "a run that is stopped in a hurry is killed at once",
}
"""What is better with each of these."""


def missing(jobs: Jobs, rights: list[Right]) -> list[Right]:
    """Those of `rights` that we do not have. Transient, Refused."""
    return [right for right in rights if not _allowed(jobs, right)]


def _allowed(jobs: Jobs, right: Right) -> bool:
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
