"""Base manifests of Jobs: which part of a file or an export is used, and the shapes of its parts. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..secret import hidden
from .shapes import MANIFEST, Fault, conform

CONTAINER = "job"
"""The name of the run's own container."""

_SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
)
_SERVER_LABELS = (
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
)
_SERVER_ANNOTATIONS = (
    "batch.kubernetes.io/job-tracking",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_LISTS = ("List", "JobList")


def base_manifest(documents: Sequence[object]) -> dict[str, Any]:
    """A copy of the one Job in `documents`, without what a server added to it. Fault if it is not a valid one."""
    position, steps, job = _the_job(documents)
    try:
        _check_kind(job)
        manifest: dict[str, Any] = conform(_without_server_fields(job), MANIFEST)
        _check_containers(manifest)
        return manifest
    except Fault as fault:
        raise Fault(fault.message, (*steps, *fault.steps), position) from None


def ignored(documents: Sequence[object]) -> list[str]:
    """The kind and name of each object beside the Job."""
    if len(documents) < 2 and not _is_list(documents):
        return []
    return [_title(one) for _, _, one in _objects(documents) if not _is_job(one)]


def _the_job(documents: Sequence[object]) -> tuple[int, tuple[str | int, ...], Any]:
    """The document with the Job, the steps to the Job in it, and the Job."""
    if not documents:
        raise Fault("a Job's manifest is needed, and there is nothing")
    if len(documents) == 1 and not _is_list(documents):
        return 0, (), documents[0]
    objects = list(_objects(documents))
    jobs = [one for one in objects if _is_job(one[2])]
    if len(jobs) != 1:
        known = ", ".join(_title(one) for _, _, one in objects) or "none"
        raise Fault(f"exactly one Job is needed, and there are {len(jobs)} in its documents (objects: {known})")
    return jobs[0]


def _is_list(documents: Sequence[object]) -> bool:
    return any(isinstance(one, Mapping) and one.get("kind") in _LISTS for one in documents)


def _objects(documents: Sequence[object]) -> Iterator[tuple[int, tuple[str | int, ...], Any]]:
    for position, document in enumerate(documents):
        if not (isinstance(document, Mapping) and document.get("kind") in _LISTS):
            yield position, (), document
            continue
        items = document.get("items") or []
        if not isinstance(items, list):
            raise Fault("must be a list", ("items",), position)
        implied = {"apiVersion": "batch/v1", "kind": "Job"} if document["kind"] == "JobList" else {}
        for number, item in enumerate(items):
            yield position, ("items", number), {**implied, **item} if isinstance(item, Mapping) else item


def _is_job(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("kind") == "Job"


def may_hold_job(document: object) -> bool:
    """Whether a document of a file is a Job, or a list that may have one."""
    return _is_job(document) or _is_list([document])


def _title(value: object) -> str:
    if not isinstance(value, Mapping):
        return "something that is not a mapping"
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    title = " ".join(str(part) for part in (value.get("kind") or "an object without a kind", name) if part)
    return " ".join(title.split())  # for a comment of one line


def _check_kind(manifest: object) -> None:
    if not isinstance(manifest, Mapping):
        raise Fault(f"a Job's manifest must be a mapping, not {type(manifest).__name__}")
    if manifest.get("kind") == "CronJob":
        raise Fault("a Job's manifest must have kind: Job, not 'CronJob': take the spec of the CronJob's jobTemplate")
    for key, value in (("apiVersion", "batch/v1"), ("kind", "Job")):
        if manifest.get(key) != value:
            raise Fault(f"a Job's manifest must have {key}: {value}, not {manifest.get(key)!r}")


def _check_containers(manifest: Mapping[str, Any]) -> None:
    steps = ("spec", "template", "spec", "containers")
    containers: Any = manifest
    for step in steps:
        containers = containers.get(step) or {}
    if len(containers) > 1 and all(one.get("name") != CONTAINER for one in containers):
        raise Fault(
            f"if there are several containers, one must have the name {CONTAINER!r}: it runs the command", steps
        )


def _without_server_fields(job: Mapping[str, Any]) -> dict[str, Any]:
    """`job` without what the server added, as `kubectl get -o yaml` shows it. Parts of a wrong shape stay."""
    cleaned = {key: value for key, value in job.items() if key != "status"}
    exported = isinstance(job.get("metadata"), Mapping) and "uid" in job["metadata"]
    _clean_metadata(cleaned)
    spec = cleaned["spec"] = _copied(cleaned.get("spec"))
    if isinstance(spec, dict):
        spec.pop("selector", None)  # it selects the pods of the exported Job
        spec.pop("manualSelector", None)
        if exported and spec.get("podReplacementPolicy") == "TerminatingOrFailed":  # the server's default
            del spec["podReplacementPolicy"]
        template = spec["template"] = _copied(spec.get("template"))
        if isinstance(template, dict):
            _clean_metadata(template)
    return cleaned


def _clean_metadata(parent: dict[str, Any]) -> None:
    metadata = parent["metadata"] = _copied(parent.get("metadata"))
    if not isinstance(metadata, dict):
        return
    for key in _SERVER_METADATA:
        metadata.pop(key, None)
    for key, names in (("labels", _SERVER_LABELS), ("annotations", _SERVER_ANNOTATIONS)):
        values = metadata[key] = _copied(metadata.get(key))
        for name in names if isinstance(values, dict) else ():
            values.pop(name, None)


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def with_hidden_values(manifest: dict[str, Any] | None) -> dict[str, Any] | None:
    """A copy of a manifest in which the values of variables are Secrets."""
    return None if manifest is None else dict(_hidden_values(manifest))


def _hidden_values(value: Any) -> Any:
    if isinstance(value, list):
        return [_hidden_values(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    copied = {key: _hidden_values(one) for key, one in value.items()}
    if isinstance(entries := copied.get("env"), list):
        copied["env"] = [{**one, "value": hidden(one["value"])} if "value" in one else one for one in entries]
    return copied
