"""Why a run did not start: what its pod, or a container of it, waits for. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.backend import Exit
from ..core.diagnosis import Diagnosis
from ..models import Reason
from .diagnosis import CANNOT_RUN, UNSCHEDULABLE_HINT, exit_of, of_container, of_suspension, sentence
from .status import (
    Container,
    containers,
    exit_code,
    has_run,
    is_queued,
    is_suspended,
    last_end,
    queue_of,
    state,
    terminated,
    waits,
)

Object = Mapping[str, Any]

IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_HOPELESS_REASONS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_MAX_PULL_FAILURES = 2

_UNTOLD_CONDITIONS = ("Ready", "ContainersReady", "Initialized")
"""What follows from the states of the containers."""

QUOTA = "exceeded quota"
_PERMANENT = ("is forbidden", "not found", "denied", "violates", "is invalid")
_TEMPORARY = (QUOTA, "failed calling webhook", 'serviceaccount "default" not found')
"""A namespace gets its default service account a moment after it was created."""

_IMAGE_HINT = (
    "Check the image's name and tag; for a private registry give image_pull_secrets; "
    "an image that is only on the nodes needs image_pull_policy IfNotPresent or Never."
)
_CONFIG_HINT = "Check the config maps, secrets, volumes and settings that the manifest refers to, in this namespace."
_SUSPENDED_HINT = (
    "Another user, the manifest or a queueing controller suspends it: have it resumed, or raise pod_watch_timeout."
)
_MANAGED_HINT = "Remove spec.managedBy from the manifest, or check that this controller runs in the cluster."
_NEVER_HINT = "Look at the cluster's events; if pods take long to start, raise pod_watch_timeout."
_SHORTEST_WAIT = 0.1
"""Seconds from which on a message says how long the run has waited."""

_JOB_CONTROLLER = "kubernetes.io/job-controller"


def is_hopeless(pod: Object, pull_failures: int) -> bool:
    """Whether this pod will not start however long one waits. A single failed pull may be a passing fault."""
    reasons = {waiting.get("reason") for _, waiting in waits(pod)}
    return bool(reasons & _HOPELESS_REASONS or (reasons & IMAGE_REASONS and pull_failures >= _MAX_PULL_FAILURES))


def of_waiting(
    job: Object | None, pod: Object | None, events: Sequence[Object], waited: float, pods: Sequence[Object] = ()
) -> Exit:
    """The Exit of a run whose pod, or a container of it, did not start within `waited` seconds.

    It has the reasons that the cluster reports. `pods` are all pods of the Job, also those that are gone.
    """
    reason, hint = _why_waiting(job, pod, events)
    reported = [
        held_back(job),
        of_suspension(pods),
        *_unmet_conditions(pod),
        *_waiting_containers(pod),
        *dict.fromkeys(sentence(event.get("reason"), event.get("message")) for event in _warnings(events)),
    ]
    message = " ".join([_what_waits(pod, waited), *filter(None, reported)])
    return exit_of(job, pod if pod and terminated(pod) else None, Diagnosis(reason, message, hint), exit_code(pod))


def _what_waits(pod: Object | None, waited: float) -> str:
    within = f" within {waited:.3g} s" if waited >= _SHORTEST_WAIT else ""
    if pod is None or not any(map(has_run, containers(pod))):
        return f"No pod started{within}."
    never_ran = [one for one in containers(pod) if not has_run(one)]
    first = next((one for one, _ in waits(pod)), next(iter(never_ran), None))
    what = "A container" if first is None else f"The {first.kind} {first.name!r}"
    return f"{what} of pod {pod['metadata']['name']} did not start{within}."


def _waiting_containers(pod: Object | None) -> list[str]:
    """Why the containers wait: those with a reason of their own, or else the run's own."""
    if pod is None:
        return []
    unusual = waits(pod)
    usual = [(one, found) for one in containers(pod) if one.is_own and (found := state(one.status, "waiting"))]
    return [
        ("" if one.is_own else f"{one.kind} {one.name!r}: ")
        + sentence(waiting.get("reason"), waiting.get("message"))
        + _last_failure(one)
        for one, waiting in unusual or usual
    ]


def _last_failure(container: Container) -> str:
    """How a container that waits for its next start has failed."""
    end = last_end(container.status)
    return "" if end is None else f" {of_container(container, end).message}"


def held_back(job: Object | None) -> str:
    """Who keeps the Job's controller from creating a pod, if anyone does."""
    if is_queued(job):
        return f"The queue {queue_of(job)!r} has not admitted the Job (spec.suspend)."
    if is_suspended(job):
        return "The Job is suspended (spec.suspend)."
    manager = _manager(job)
    return (
        f"The Job is managed by {manager!r} (spec.managedBy), not by the cluster's own controller." if manager else ""
    )


def _manager(job: Object | None) -> str | None:
    manager: str | None = ((job or {}).get("spec") or {}).get("managedBy")
    return None if manager == _JOB_CONTROLLER else manager


def _why_waiting(job: Object | None, pod: Object | None, events: Sequence[Object]) -> tuple[Reason, str]:
    reasons = {waiting.get("reason") for _, waiting in waits(pod or {})}
    if reasons & IMAGE_REASONS:
        return Reason.IMAGE_PULL, _IMAGE_HINT
    cannot_run = any((last_end(one.status) or {}).get("reason") in CANNOT_RUN for one, _ in waits(pod or {}))
    if cannot_run or reasons & CONFIG_REASONS or any("FailedMount" in str(event.get("reason")) for event in events):
        return Reason.CONFIG, _CONFIG_HINT
    scheduled = [one for one in _conditions(pod) if one.get("type") == "PodScheduled"]
    if scheduled and scheduled[0].get("status") == "False":
        return Reason.UNSCHEDULABLE, UNSCHEDULABLE_HINT
    if pod is None and is_suspended(job):
        return Reason.NEVER_STARTED, _SUSPENDED_HINT
    if pod is None and _manager(job):
        return Reason.NEVER_STARTED, _MANAGED_HINT
    return Reason.NEVER_STARTED, _NEVER_HINT


def pod_refusal(events: Iterable[Object]) -> str | None:
    """The server's message if it will never create a pod of this Job.

    A full quota does not count: there may be room again when other pods have ended.
    """
    for message in _creation_failures(events):
        if any(word in message for word in _PERMANENT) and not any(word in message for word in _TEMPORARY):
            return message
    return None


def quota_refusal(events: Iterable[Object]) -> str | None:
    """The server's last message that a quota forbids to create a pod."""
    return next((message for message in reversed(_creation_failures(events)) if QUOTA in message), None)


def _creation_failures(events: Iterable[Object]) -> list[str]:
    return [str(event.get("message")) for event in events if event.get("reason") == "FailedCreate"]


def _conditions(pod: Object | None) -> list[Object]:
    return list(((pod or {}).get("status") or {}).get("conditions") or ())


def _unmet_conditions(pod: Object | None) -> list[str]:
    return [
        f"{one.get('type')}: {sentence(one.get('reason'), one.get('message'))}"
        for one in _conditions(pod)
        if one.get("status") == "False" and one.get("message") and one.get("type") not in _UNTOLD_CONDITIONS
    ]


def _warnings(events: Sequence[Object]) -> list[Object]:
    return [event for event in events if event.get("type") == "Warning"][-5:]
