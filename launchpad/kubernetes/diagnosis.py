"""Why a Job ended, or never started. Pure functions from the states that the API server reports to an `Exit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.backend import Exit
from ..core.diagnosis import MEMORY_HINT, Diagnosis, of_exit_code
from ..models import Reason
from .status import (
    Container,
    condition,
    containers,
    decision_of,
    exit_code,
    has_run,
    is_restarted,
    is_suspended,
    last_end,
    phase,
    state,
    terminated,
    times,
    waits,
)

Object = Mapping[str, Any]

_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
_CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_HOPELESS_REASONS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_MAX_PULL_FAILURES = 2

_NODE_LOST = {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeletionByTaintManager", "DeletionByPodGC"}
_EVICTED = {"Evicted", "Preempting", "EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"}
_CANNOT_RUN = {"ContainerCannotRun", "StartError"}

_UNTOLD_CONDITIONS = ("Ready", "ContainersReady", "Initialized")
"""What follows from the states of the containers."""

_QUOTA = "exceeded quota"
_PERMANENT = ("is forbidden", "not found", "denied", "violates", "is invalid")
_TEMPORARY = (_QUOTA, "failed calling webhook")

_IMAGE_HINT = (
    "Check the image's name and tag; for a private registry give image_pull_secrets; "
    "an image that is only on the nodes needs image_pull_policy IfNotPresent or Never."
)
_CONFIG_HINT = "Check the config maps, secrets, volumes and settings that the manifest refers to, in this namespace."
_UNSCHEDULABLE_HINT = (
    "No node has room for it, or none matches: check resources, node selectors and tolerations; "
    "for nodes that are started on demand, raise pod_watch_timeout."
)
_SUSPENDED_HINT = (
    "Another user, the manifest or a queueing controller suspends it: have it resumed, or raise pod_watch_timeout."
)
_MANAGED_HINT = "Remove spec.managedBy from the manifest, or check that this controller runs in the cluster."
_NEVER_HINT = "Look at the cluster's events; if pods take long to start, raise pod_watch_timeout."
_EVICTED_HINT = (
    "Its node ran out of a resource, or was drained: request what the run needs in resources, and run it again."
)
_NODE_HINT = "Its node was lost while it ran, and its result is unknown. Run it again."
_DELETED_HINT = "Another user, a drain of its node or an autoscaler deleted it. Run it again."
_DEADLINE_HINT = "The manifest's activeDeadlineSeconds limits how long it may take."
_MEMORY_LIMIT_HINT = "It used more memory than its limit in resources: raise it."

_JOB_CONTROLLER = "kubernetes.io/job-controller"


def of_end(job: Object | None, pods: Sequence[Object]) -> Exit:
    """The Exit of a Job for which it is decided how it ends. `pods` are its pods, the newest last."""
    end = decision_of(job) or {}
    if end.get("type") in ("Complete", "SuccessCriteriaMet"):
        pod = _succeeded(pods)
        if pod is None or not pod.get("cut"):
            return _exit(job, pod, Diagnosis(Reason.COMPLETED, "", ""), 0)
        return of_interruption(job, pod)
    pod = pods[-1] if pods else None
    return _exit(job, pod, _of_failure(end, pod), exit_code(pod))


def _succeeded(pods: Sequence[Object]) -> Object | None:
    """The newest pod that has succeeded, if possible one that was not cut short; else the newest pod."""
    succeeded = [pod for pod in reversed(pods) if phase(pod) == "Succeeded" or exit_code(pod) == 0]
    undisturbed = [pod for pod in succeeded if not pod.get("cut")]
    return next(iter([*undisturbed, *succeeded, *reversed(pods)]), None)


def of_interruption(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a run whose pod was deleted or disrupted by others before its end."""
    return _exit(job, pod, _of_interruption(pod), exit_code(pod))


def of_vanished(name: str, job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that was deleted before it ended."""
    message = f"Job {name} was deleted while it ran."
    return _exit(
        job, pod, Diagnosis(Reason.VANISHED, message, "Another user or a clean-up deleted it."), exit_code(pod)
    )


def of_stopped(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that launchpad deleted."""
    return _exit(job, pod, Diagnosis(Reason.VANISHED, "Its Job was deleted.", ""), exit_code(pod))


def _exit(job: Object | None, pod: Object | None, diagnosis: Diagnosis, code: int | None) -> Exit:
    started, ended = times(job, pod)
    return Exit(
        exit_code=code,
        reason=diagnosis.reason,
        message=diagnosis.message,
        hint=diagnosis.hint,
        started_at=started,
        ended_at=ended,
    )


def _of_failure(end: Object, pod: Object | None) -> Diagnosis:
    reported = _sentence(end.get("reason"), end.get("message"))
    if end.get("reason") == "DeadlineExceeded":
        return Diagnosis(Reason.DEADLINE, reported, _DEADLINE_HINT)
    if pod is None:
        return Diagnosis(Reason.FAILED, reported, "Its pod is gone, and its exit code with it.")
    # After too many restarts within a pod, the Job's controller deletes the pod.
    if pod.get("cut") and not (end.get("reason") == "BackoffLimitExceeded" and is_restarted(pod)):
        return _of_interruption(pod)
    return _of_disruption(pod) or _of_containers(pod) or Diagnosis(Reason.FAILED, reported, "")


def _of_interruption(pod: Object | None) -> Diagnosis:
    found = _of_disruption(pod) if pod is not None else None
    if found is not None and found.reason in (Reason.EVICTED, Reason.NODE_LOST):
        return found
    if pod is not None and not pod.get("cut") and (failed := _of_containers(pod)) is not None:
        return failed
    name = "of the run" if pod is None else pod["metadata"]["name"]
    return Diagnosis(Reason.VANISHED, f"Pod {name} was deleted before the run had ended.", _DELETED_HINT)


def _of_disruption(pod: Object) -> Diagnosis | None:
    """The diagnosis of a pod that was ended by the cluster, and not by its own containers."""
    status = pod.get("status") or {}
    disruption = condition(pod, "DisruptionTarget") or {}
    reasons = {status.get("reason"), disruption.get("reason")}
    reported = _sentence(
        status.get("reason") or disruption.get("reason"), status.get("message") or disruption.get("message")
    )
    if reasons & _EVICTED:
        return Diagnosis(Reason.EVICTED, reported, _EVICTED_HINT)
    if reasons & _NODE_LOST:
        return Diagnosis(Reason.NODE_LOST, reported, _NODE_HINT)
    if status.get("reason") == "DeadlineExceeded":
        return Diagnosis(Reason.DEADLINE, reported, _DEADLINE_HINT)
    if "UnexpectedAdmissionError" in reasons or (phase(pod) == "Failed" and "OutOf" in str(status.get("reason"))):
        return Diagnosis(Reason.UNSCHEDULABLE, reported, _UNSCHEDULABLE_HINT)
    return None


def _of_containers(pod: Object) -> Diagnosis | None:
    """The diagnosis of the containers that have failed: the reason of the run's own, or else of the first."""
    ends = [(one, end) for one in containers(pod) if (end := last_end(one.status)) is not None]
    failures = [(one, _of_container(one, end)) for one, end in ends if _has_failed(one, end)]
    failures.sort(key=lambda failure: not failure[0].is_own)
    if not failures:
        return None
    reason, _, hint = failures[0][1]
    return Diagnosis(reason, " ".join(found.message for _, found in failures), hint)


def _has_failed(container: Container, end: Object) -> bool:
    """Whether a container has failed. The cluster itself stops sidecars, which does not count."""
    return container.kind != "sidecar" and (end.get("exitCode") != 0 or end.get("reason") in _CANNOT_RUN)


def _of_container(container: Container, end: Object) -> Diagnosis:
    subject = "" if container.is_own else f"The {container.kind} {container.name!r} "
    reported = _sentence(end.get("reason"), end.get("message"))
    if end.get("reason") == "OOMKilled":
        return Diagnosis(
            Reason.OOM_KILLED, f"{subject}was out of memory: {reported}" if subject else reported, _MEMORY_LIMIT_HINT
        )
    if end.get("reason") in _CANNOT_RUN:
        message = f"{subject}cannot be started: {reported}" if subject else reported
        return Diagnosis(Reason.CONFIG, message, "The command cannot be started in this image: check its first word.")
    reason, message, hint = of_exit_code(end.get("exitCode"))
    details = f" {end['message'].strip()}" if end.get("message") else ""
    text = f"{subject}{message[:1].lower()}{message[1:]}" if subject else message
    return Diagnosis(reason, text + details, "" if hint is MEMORY_HINT and end.get("signal") else hint)


def is_hopeless(pod: Object, pull_failures: int) -> bool:
    """Whether this pod will not start however long one waits. A single failed pull may be a passing fault."""
    reasons = {waiting.get("reason") for _, waiting in waits(pod)}
    return bool(reasons & _HOPELESS_REASONS or (reasons & _IMAGE_REASONS and pull_failures >= _MAX_PULL_FAILURES))


def of_waiting(job: Object | None, pod: Object | None, events: Sequence[Object], waited: float) -> Exit:
    """The Exit of a run whose pod, or a container of it, did not start within `waited` seconds.

    It has the reasons that the cluster reports.
    """
    reason, hint = _why_waiting(job, pod, events)
    reported = [
        _held_back(job),
        *_unmet_conditions(pod),
        *_waiting_containers(pod),
        *dict.fromkeys(_sentence(event.get("reason"), event.get("message")) for event in _warnings(events)),
    ]
    message = " ".join([_what_waits(pod, waited), *filter(None, reported)])
    return _exit(job, pod if pod and terminated(pod) else None, Diagnosis(reason, message, hint), exit_code(pod))


def _what_waits(pod: Object | None, waited: float) -> str:
    if pod is None or not any(map(has_run, containers(pod))):
        return f"No pod started within {waited:.3g} s."
    never_ran = [one for one in containers(pod) if not has_run(one)]
    first = next((one for one, _ in waits(pod)), next(iter(never_ran), None))
    what = "A container" if first is None else f"The {first.kind} {first.name!r}"
    return f"{what} of pod {pod['metadata']['name']} did not start within {waited:.3g} s."


def _waiting_containers(pod: Object | None) -> list[str]:
    """Why the containers wait: those with a reason of their own, or else the run's own."""
    if pod is None:
        return []
    unusual = waits(pod)
    usual = [(one, found) for one in containers(pod) if one.is_own and (found := state(one.status, "waiting"))]
    return [
        ("" if one.is_own else f"{one.kind} {one.name!r}: ")
        + _sentence(waiting.get("reason"), waiting.get("message"))
        + _last_failure(one)
        for one, waiting in unusual or usual
    ]


def _last_failure(container: Container) -> str:
    """How a container that waits for its next start has failed."""
    end = last_end(container.status)
    return "" if end is None else f" {_of_container(container, end).message}"


def _held_back(job: Object | None) -> str:
    """Who keeps the Job's controller from creating a pod, if anyone does."""
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
    if reasons & _IMAGE_REASONS:
        return Reason.IMAGE_PULL, _IMAGE_HINT
    cannot_run = any((last_end(one.status) or {}).get("reason") in _CANNOT_RUN for one, _ in waits(pod or {}))
    if cannot_run or reasons & _CONFIG_REASONS or any("FailedMount" in str(event.get("reason")) for event in events):
        return Reason.CONFIG, _CONFIG_HINT
    scheduled = [one for one in _conditions(pod) if one.get("type") == "PodScheduled"]
    if scheduled and scheduled[0].get("status") == "False":
        return Reason.UNSCHEDULABLE, _UNSCHEDULABLE_HINT
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
    return next((message for message in reversed(_creation_failures(events)) if _QUOTA in message), None)


def _creation_failures(events: Iterable[Object]) -> list[str]:
    return [str(event.get("message")) for event in events if event.get("reason") == "FailedCreate"]


def _conditions(pod: Object | None) -> list[Object]:
    return list(((pod or {}).get("status") or {}).get("conditions") or ())


def _unmet_conditions(pod: Object | None) -> list[str]:
    return [
        f"{one.get('type')}: {_sentence(one.get('reason'), one.get('message'))}"
        for one in _conditions(pod)
        if one.get("status") == "False" and one.get("message") and one.get("type") not in _UNTOLD_CONDITIONS
    ]


def _warnings(events: Sequence[Object]) -> list[Object]:
    return [event for event in events if event.get("type") == "Warning"][-5:]


def _sentence(reason: object, message: object) -> str:
    """A reason and a message, joined to one sentence."""
    text = ": ".join(str(part).strip() for part in (reason, message) if part)
    return text if not text or text.endswith((".", "!")) else f"{text}."
