"""Why a Job ended, or never started. Pure functions from the states that the API server reports to an `Exit`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.backend import Exit
from ..core.diagnosis import MEMORY_HINT, Diagnosis, of_exit_code
from ..models import Reason
from .status import condition, end_of, exit_code, phase, terminated, times, waiting

Object = Mapping[str, Any]

_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
_CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_HOPELESS_REASONS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_MAX_PULL_FAILURES = 2

_NODE_LOST = {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeletionByTaintManager", "DeletionByPodGC"}
_EVICTED = {"Evicted", "Preempting", "EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"}
_CANNOT_RUN = {"ContainerCannotRun", "StartError"}

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
_NEVER_HINT = "Look at the cluster's events; if pods take long to start, raise pod_watch_timeout."
_EVICTED_HINT = (
    "Its node ran out of a resource, or was drained: request what the run needs in resources, and run it again."
)
_NODE_HINT = "Its node was lost while it ran, and its result is unknown. Run it again."


def of_end(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job with the condition Complete or Failed. `pod` is its newest pod."""
    end = end_of(job) or {}
    if end.get("type") == "Complete":
        return _exit(job, pod, Diagnosis(Reason.COMPLETED, "", ""), 0)
    return _exit(job, pod, _of_failure(end, pod), exit_code(pod))


def of_vanished(name: str, job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that was deleted before it ended."""
    message = f"Job {name} was deleted while it ran."
    return _exit(job, pod, Diagnosis(Reason.VANISHED, message, "Another user or a clean-up deleted it."), None)


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
        return Diagnosis(Reason.DEADLINE, reported, "The manifest's activeDeadlineSeconds limits how long it may take.")
    if pod is None:
        return Diagnosis(Reason.FAILED, reported, "Its pod is gone, and its exit code with it.")
    return _of_disruption(pod) or _of_container(pod) or Diagnosis(Reason.FAILED, reported, "")


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
    if "UnexpectedAdmissionError" in reasons or (phase(pod) == "Failed" and "OutOf" in str(status.get("reason"))):
        return Diagnosis(Reason.UNSCHEDULABLE, reported, _UNSCHEDULABLE_HINT)
    return None


def _of_container(pod: Object) -> Diagnosis | None:
    end = terminated(pod)
    if end is None:
        return None
    reported = _sentence(end.get("reason"), end.get("message"))
    if end.get("reason") == "OOMKilled":
        return Diagnosis(Reason.OOM_KILLED, reported, "It used more memory than its limit in resources: raise it.")
    if end.get("reason") in _CANNOT_RUN:
        return Diagnosis(Reason.CONFIG, reported, "The command cannot be started in this image: check its first word.")
    reason, message, hint = of_exit_code(end.get("exitCode"))
    if reason is Reason.COMPLETED:
        return None  # another container of the pod has failed
    details = f" {end['message'].strip()}" if end.get("message") else ""
    return Diagnosis(reason, message + details, "" if hint is MEMORY_HINT and end.get("signal") else hint)


def is_hopeless(pod: Object, pull_failures: int) -> bool:
    """Whether this pod will not start however long one waits. A single failed pull may be a passing fault."""
    reason = waiting(pod).get("reason")
    return reason in _HOPELESS_REASONS or (reason in _IMAGE_REASONS and pull_failures >= _MAX_PULL_FAILURES)


def of_waiting(job: Object | None, pod: Object | None, events: Sequence[Object], waited: float) -> Exit:
    """The Exit of a run whose pod did not start within `waited` seconds, with the reasons that the cluster reports."""
    reason, hint = _why_waiting(pod, events)
    reported = [
        *_unmet_conditions(pod),
        _sentence(*(waiting(pod or {}).get(key) for key in ("reason", "message"))),
        *dict.fromkeys(_sentence(event.get("reason"), event.get("message")) for event in _warnings(events)),
    ]
    message = " ".join([f"No pod started within {waited:.3g} s.", *filter(None, reported)])
    return _exit(job, None, Diagnosis(reason, message, hint), None)


def _why_waiting(pod: Object | None, events: Sequence[Object]) -> tuple[Reason, str]:
    reason = waiting(pod or {}).get("reason")
    if reason in _IMAGE_REASONS:
        return Reason.IMAGE_PULL, _IMAGE_HINT
    if reason in _CONFIG_REASONS or any("FailedMount" in str(event.get("reason")) for event in events):
        return Reason.CONFIG, _CONFIG_HINT
    scheduled = [one for one in _conditions(pod) if one.get("type") == "PodScheduled"]
    if scheduled and scheduled[0].get("status") == "False":
        return Reason.UNSCHEDULABLE, _UNSCHEDULABLE_HINT
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
        if one.get("status") == "False" and one.get("message") and one.get("type") not in ("Ready", "ContainersReady")
    ]


def _warnings(events: Sequence[Object]) -> list[Object]:
    return [event for event in events if event.get("type") == "Warning"][-5:]


def _sentence(reason: object, message: object) -> str:
    """A reason and a message, joined to one sentence."""
    text = ": ".join(str(part).strip() for part in (reason, message) if part)
    return text if not text or text.endswith((".", "!")) else f"{text}."
