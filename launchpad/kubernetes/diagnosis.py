"""Why a Job ended, or never began. Pure functions: raw states in, `Exit`s in the vocabulary of all engines out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..core.backend import Exit
from ..core.diagnosis import MEMORY_HINT, Diagnosis, of_exit_code
from ..models import Reason
from .status import condition, end_of, exit_code, phase, terminated, times, waiting

Object = Mapping[str, Any]

_IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
_CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_HOPELESS = {"InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}
_PULL_FAILURES = 2

_NODE_LOST = {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeletionByTaintManager", "DeletionByPodGC"}
_EVICTED = {"Evicted", "Preempting", "EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"}
_CANNOT_RUN = {"ContainerCannotRun", "StartError"}

_QUOTA = "exceeded quota"
_FOR_GOOD = ("is forbidden", "not found", "denied", "violates", "is invalid")
_FOR_NOW = (_QUOTA, "failed calling webhook")

_IMAGE_HINT = (
    "Check the image's name and tag; for a private registry give image_pull_secrets; "
    "an image that is on the nodes alone needs image_pull_policy IfNotPresent or Never."
)
_CONFIG_HINT = "Check the config maps, secrets, volumes and settings that the manifest refers to, in this namespace."
_UNSCHEDULABLE_HINT = (
    "No node has room for it, or none fits: check resources, node selectors and tolerations; "
    "for nodes that are started on demand, raise pod_watch_timeout."
)
_NEVER_HINT = "Look at the cluster's events; where pods take long to start, raise pod_watch_timeout."
_EVICTED_HINT = (
    "Its node ran out of something, or had to go: request what the run needs in resources, and run it again."
)
_NODE_HINT = "Its node went away while it ran; nothing is known of its end. Run it again."


def of_end(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that has the condition Complete or Failed; `pod` is its newest."""
    end = end_of(job) or {}
    if end.get("type") == "Complete":
        return _exit(job, pod, Diagnosis(Reason.COMPLETED, "", ""), 0)
    return _exit(job, pod, _of_failure(end, pod), exit_code(pod))


def of_vanished(name: str, job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that is gone, and had not ended when it was last seen."""
    message = f"Job {name} was deleted while it ran."
    return _exit(job, pod, Diagnosis(Reason.VANISHED, message, "Somebody else deleted it, or a clean-up did."), None)


def of_stopped(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that was deleted because we asked for it."""
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
    job_says = _sentence(end.get("reason"), end.get("message"))
    if end.get("reason") == "DeadlineExceeded":
        return Diagnosis(Reason.DEADLINE, job_says, "The manifest's activeDeadlineSeconds bounds how long it may take.")
    if pod is None:
        return Diagnosis(Reason.FAILED, job_says, "Its pod is gone, and with it the exit code.")
    return _of_disruption(pod) or _of_container(pod) or Diagnosis(Reason.FAILED, job_says, "")


def _of_disruption(pod: Object) -> Diagnosis | None:
    """Whether something was done to the pod, rather than by it."""
    status = pod.get("status") or {}
    disruption = condition(pod, "DisruptionTarget") or {}
    reasons = {status.get("reason"), disruption.get("reason")}
    said = _sentence(
        status.get("reason") or disruption.get("reason"), status.get("message") or disruption.get("message")
    )
    if reasons & _EVICTED:
        return Diagnosis(Reason.EVICTED, said, _EVICTED_HINT)
    if reasons & _NODE_LOST:
        return Diagnosis(Reason.NODE_LOST, said, _NODE_HINT)
    if "UnexpectedAdmissionError" in reasons or (phase(pod) == "Failed" and "OutOf" in str(status.get("reason"))):
        return Diagnosis(Reason.UNSCHEDULABLE, said, _UNSCHEDULABLE_HINT)
    return None


def _of_container(pod: Object) -> Diagnosis | None:
    end = terminated(pod)
    if end is None:
        return None
    said = _sentence(end.get("reason"), end.get("message"))
    if end.get("reason") == "OOMKilled":
        return Diagnosis(Reason.OOM_KILLED, said, "It used more memory than its limit in resources: raise it.")
    if end.get("reason") in _CANNOT_RUN:
        return Diagnosis(Reason.CONFIG, said, "The command cannot be started in this image: check its first word.")
    reason, message, hint = of_exit_code(end.get("exitCode"))
    if reason is Reason.COMPLETED:
        return None  # another container of the pod has failed
    more = f" {end['message'].strip()}" if end.get("message") else ""
    return Diagnosis(reason, message + more, "" if hint is MEMORY_HINT and end.get("signal") else hint)


def hopeless(pod: Object, pull_failures: int) -> bool:
    """Whether waiting for this pod to start cannot help. One failed pull may be the registry's bad moment."""
    reason = waiting(pod).get("reason")
    return reason in _HOPELESS or (reason in _IMAGE and pull_failures >= _PULL_FAILURES)


def of_waiting(job: Object | None, pod: Object | None, events: Sequence[Object], waited: float) -> Exit:
    """The Exit of a run whose pod did not start: why, as far as the cluster says it."""
    reason, hint = _why_waiting(pod, events)
    said = [
        *_of_conditions(pod),
        _sentence(*(waiting(pod or {}).get(key) for key in ("reason", "message"))),
        *dict.fromkeys(_sentence(event.get("reason"), event.get("message")) for event in _warnings(events)),
    ]
    message = " ".join([f"No pod of it started within {waited:.3g} s.", *(one for one in said if one)])
    return _exit(job, None, Diagnosis(reason, message, hint), None)


def _why_waiting(pod: Object | None, events: Sequence[Object]) -> tuple[Reason, str]:
    reason = waiting(pod or {}).get("reason")
    if reason in _IMAGE:
        return Reason.IMAGE_PULL, _IMAGE_HINT
    if reason in _CONFIG or any("FailedMount" in str(event.get("reason")) for event in events):
        return Reason.CONFIG, _CONFIG_HINT
    scheduled = [one for one in _conditions(pod) if one.get("type") == "PodScheduled"]
    if scheduled and scheduled[0].get("status") == "False":
        return Reason.UNSCHEDULABLE, _UNSCHEDULABLE_HINT
    return Reason.NEVER_STARTED, _NEVER_HINT


def refused_by(events: Iterable[Object]) -> str | None:
    """The server's words where it will never make a pod of this Job: what it lacks does not come by itself.

    A quota may be free again when other pods have ended, so that is waited for.
    """
    for message in _not_created(events):
        if any(word in message for word in _FOR_GOOD) and not any(word in message for word in _FOR_NOW):
            return message
    return None


def over_quota(events: Iterable[Object]) -> str | None:
    """The server's words where a quota did not let it make a pod."""
    return next((message for message in reversed(_not_created(events)) if _QUOTA in message), None)


def _not_created(events: Iterable[Object]) -> list[str]:
    return [str(event.get("message")) for event in events if event.get("reason") == "FailedCreate"]


def _conditions(pod: Object | None) -> list[Object]:
    return list(((pod or {}).get("status") or {}).get("conditions") or ())


def _of_conditions(pod: Object | None) -> list[str]:
    return [
        f"{one.get('type')}: {_sentence(one.get('reason'), one.get('message'))}"
        for one in _conditions(pod)
        if one.get("status") == "False" and one.get("message") and one.get("type") not in ("Ready", "ContainersReady")
    ]


def _warnings(events: Sequence[Object]) -> list[Object]:
    return [event for event in events if event.get("type") == "Warning"][-5:]


def _sentence(reason: object, message: object) -> str:
    """A reason and a message as one sentence."""
    text = ": ".join(str(part).strip() for part in (reason, message) if part)
    return text if not text or text.endswith((".", "!")) else f"{text}."
