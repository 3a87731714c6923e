"""Why a Job ended. Pure functions from the states that the API server reports to an `Exit`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ..core.backend import Exit
from ..core.diagnosis import MEMORY_HINT, Diagnosis, of_exit_code
from ..models import Reason
from .status import (
    Container,
    condition,
    containers,
    decision_of,
    exit_code,
    has_log,
    has_timed_out,
    is_restarted,
    last_end,
    phase,
    times,
)

Object = Mapping[str, Any]

_NODE_LOST = {"NodeLost", "NodeShutdown", "Shutdown", "Terminated", "DeletionByTaintManager", "DeletionByPodGC"}
_EVICTED = {"Evicted", "Preempting", "EvictionByEvictionAPI", "PreemptionByScheduler", "TerminationByKubelet"}
_COMPLETE = ("Complete", "SuccessCriteriaMet")
CANNOT_RUN = {"ContainerCannotRun", "StartError"}

UNSCHEDULABLE_HINT = (
    "No node has room for it, or none matches: check resources, node selectors and tolerations; "
    "for nodes that are started on demand, raise pod_watch_timeout."
)
_EVICTED_HINT = (
    "Its node ran out of a resource, or was drained: request what the run needs in resources, and run it again."
)
_NODE_HINT = "Its node was lost while it ran, and its result is unknown. Run it again."
_DELETED_HINT = "Another user, a drain of its node or an autoscaler deleted it. Run it again."
_DEADLINE_HINT = "The manifest's activeDeadlineSeconds limits how long it may take."
_MEMORY_LIMIT_HINT = "It used more memory than its limit in resources: raise it."

_REPORT = re.compile(r"launchpad \d+\n")
"""The beginning of the result of a function, which is no message for people."""

_TIMED_OUT = Diagnosis(Reason.TIMED_OUT, "The cluster has stopped the run: it took longer than its time-out.", "")


def of_end(job: Object | None, pods: Sequence[Object]) -> Exit:
    """The Exit of a Job for which it is decided how it ends. `pods` are its pods, the newest last."""
    end = _of_end(job, pods)
    again = of_suspension(pods)
    return attrs.evolve(end, message=f"{end.message} {again}".strip()) if again else end


def of_own_end(job: Object | None, pod: Object, pods: Sequence[Object]) -> Exit:
    """The Exit of a run that ends with its own container, whatever becomes of the others in `pod`."""
    code = exit_code(pod)
    failure = _of_containers(pod) if code != 0 else None
    reason, message, hint = failure or Diagnosis(Reason.COMPLETED, "", "")
    return exit_of(job, pod, Diagnosis(reason, f"{message} {of_suspension(pods)}".strip(), hint), code)


def of_suspension(pods: Sequence[Object]) -> str:
    """How often a run was executed that was suspended after its start; empty if it was not."""
    started = [pod for pod in pods if has_log(pod)]
    if not any(pod.get("suspended") for pod in started):
        return ""
    often = "once" if len(started) == 1 else "twice" if len(started) == 2 else f"{len(started)} times"
    return f"Its Job was suspended after the start of the run, which was executed {often}."


def _of_end(job: Object | None, pods: Sequence[Object]) -> Exit:
    end, pod = decision_of(job) or {}, deciding_pod(job, pods)
    if end.get("type") in _COMPLETE:
        if pod is None or not pod.get("cut"):
            return exit_of(job, pod, Diagnosis(Reason.COMPLETED, "", ""), 0)
        return of_interruption(job, pod)
    found = _TIMED_OUT if has_timed_out(job) else _of_failure(end, pod)
    return exit_of(job, pod, found, exit_code(pod))


def deciding_pod(job: Object | None, pods: Sequence[Object]) -> Object | None:
    """The pod whose end is that of the run: of a Job that is complete, the one that succeeded; else the newest."""
    if (decision_of(job) or {}).get("type") in _COMPLETE:
        return _succeeded(pods)
    return pods[-1] if pods else None


def _succeeded(pods: Sequence[Object]) -> Object | None:
    """The newest pod that has succeeded, if possible one that was not cut short; else the newest pod."""
    succeeded = [pod for pod in reversed(pods) if phase(pod) == "Succeeded" or exit_code(pod) == 0]
    undisturbed = [pod for pod in succeeded if not pod.get("cut")]
    return next(iter([*undisturbed, *succeeded, *reversed(pods)]), None)


def of_interruption(job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a run whose pod was deleted or disrupted by others before its end."""
    return exit_of(job, pod, _of_interruption(pod), exit_code(pod))


def of_vanished(name: str, job: Object | None, pod: Object | None) -> Exit:
    """The Exit of a Job that was deleted before it ended."""
    message = f"Job {name} was deleted before the run had ended."
    return exit_of(
        job, pod, Diagnosis(Reason.VANISHED, message, "Another user or a clean-up deleted it."), exit_code(pod)
    )


def of_stopped(job: Object | None, pod: Object | None, survival: str) -> Exit:
    """The Exit of a Job that launchpad deleted. `survival`: what may go on nevertheless."""
    return exit_of(job, pod, Diagnosis(Reason.STOPPED, "Its Job was deleted.", survival), exit_code(pod))


def exit_of(job: Object | None, pod: Object | None, diagnosis: Diagnosis, code: int | None) -> Exit:
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
    reported = sentence(end.get("reason"), end.get("message"))
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
    # A pod that had ended before can be disrupted, too, which does not change its result.
    disrupted = pod.get("cut", True) or status.get("reason")
    disruption = (condition(pod, "DisruptionTarget") if disrupted else None) or {}
    reasons = {status.get("reason"), disruption.get("reason")}
    reported = sentence(
        status.get("reason") or disruption.get("reason"), status.get("message") or disruption.get("message")
    )
    if reasons & _EVICTED:
        return Diagnosis(Reason.EVICTED, reported, _EVICTED_HINT)
    if reasons & _NODE_LOST:
        return Diagnosis(Reason.NODE_LOST, reported, _NODE_HINT)
    if status.get("reason") == "DeadlineExceeded":
        return Diagnosis(Reason.DEADLINE, reported, _DEADLINE_HINT)
    if "UnexpectedAdmissionError" in reasons or (phase(pod) == "Failed" and "OutOf" in str(status.get("reason"))):
        return Diagnosis(Reason.UNSCHEDULABLE, reported, UNSCHEDULABLE_HINT)
    return None


def _of_containers(pod: Object) -> Diagnosis | None:
    """The diagnosis of the containers that have failed: the reason of the run's own, or else of the first."""
    ends = [(one, end) for one in containers(pod) if (end := _failed_end(one)) is not None]
    failures = [(one, of_container(one, end)) for one, end in ends]
    failures.sort(key=lambda failure: not failure[0].is_own)
    if not failures:
        return None
    reason, _, hint = failures[0][1]
    return Diagnosis(reason, " ".join(found.message for _, found in failures), hint)


def _failed_end(container: Container) -> Object | None:
    """How a container has failed; None if it has not. That the node stops sidecars at the end does not count."""
    is_sidecar = container.kind == "sidecar"
    end = (container.status.get("lastState") or {}).get("terminated") if is_sidecar else last_end(container.status)
    return end if end is not None and (end.get("exitCode") != 0 or end.get("reason") in CANNOT_RUN) else None


def of_container(container: Container, end: Object) -> Diagnosis:
    subject = "" if container.is_own else f"The {container.kind} {container.name!r} "
    said = None if _REPORT.match(end.get("message") or "") else end.get("message")
    reported = sentence(end.get("reason"), said)
    if end.get("reason") == "OOMKilled":
        return Diagnosis(
            Reason.OOM_KILLED, f"{subject}was out of memory: {reported}" if subject else reported, _MEMORY_LIMIT_HINT
        )
    if end.get("reason") in CANNOT_RUN:
        message = f"{subject}cannot be started: {reported}" if subject else reported
        return Diagnosis(Reason.CONFIG, message, "The command cannot be started in this image: check its first word.")
    reason, message, hint = of_exit_code(end.get("exitCode"))
    details = f" {said.strip()}" if said else ""
    text = f"{subject}{message[:1].lower()}{message[1:]}" if subject else message
    return Diagnosis(reason, text + details, "" if hint is MEMORY_HINT and end.get("signal") else hint)


def sentence(reason: object, message: object) -> str:
    """A reason and a message, joined to one sentence."""
    text = ": ".join(str(part).strip() for part in (reason, message) if part)
    return text if not text or text.endswith((".", "!")) else f"{text}."
