"""Why a Job that was created does not run yet, in a word and in the cluster's words. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..core.pending import Pending
from .diagnosis import sentence
from .status import is_suspended, unmet, waits
from .waiting import CONFIG_REASONS, IMAGE_REASONS, QUOTA, held_back

Object = Mapping[str, Any]

PULLING = "Pulling"
_MOUNTS = ("FailedMount", "FailedAttachVolume")
_UNSCHEDULED = "FailedScheduling"
_SCALER = ("TriggeredScaleUp", "NotTriggerScaleUp")
"""What the autoscaler of the cluster says about a pod that no node has room for."""

_REFUSED = "FailedCreate"
_REFUSAL = re.compile(r'\AError creating: (pods "[^"]*" is )?')
"""How the controller's events begin: with the name of a pod, which is another one each time."""

NOTHING = Pending("")


def why_pending(job: Object | None, pod: Object | None, events: Mapping[str, Object]) -> Pending:
    """Why a run waits whose newest pod is `pod`; without a reason if it is starting as usual.

    `events` has the latest event about each object, by its uid.
    """
    if pod is None or is_suspended(job):
        return _without_pod(job, events)
    event = events.get(_uid(pod)) or {}
    if (unmet_condition := unmet(pod, "PodScheduled")) is not None:
        return _of_scheduler(unmet_condition, event)
    for one, waiting in waits(pod):
        reason, subject = waiting.get("reason"), "" if one.is_own else f"{one.kind} {one.name!r}: "
        word = "pulling" if reason in IMAGE_REASONS else "config" if reason in CONFIG_REASONS else "starting"
        return Pending(word, subject + sentence(reason, waiting.get("message")))
    return _of_pod_event(event)


def is_telling(event: Object) -> bool:
    """Whether an event about a Job or a pod says why it does not run, which its own status does not say.

    The further tries to pull an image repeat the first one; that a pod cannot be scheduled is one of its conditions.
    """
    reason, message = str(event.get("reason")), str(event.get("message"))
    if reason == PULLING:
        return bool((event.get("count") or 1) == 1)
    if reason == _UNSCHEDULED or (reason == "Failed" and message.startswith("Error: ")):
        return False
    return reason in _SCALER or "Fail" in reason or "NotReady" in reason


def _without_pod(job: Object | None, events: Mapping[str, Object]) -> Pending:
    event = events.get(_uid(job)) or {}
    message = str(event.get("message") or "")
    if held := held_back(job):
        workload = next((str(one.get("message")) for one in events.values() if one.get("kind") == "Workload"), "")
        return Pending("queued", f"{held} {workload}".strip())
    if event.get("reason") != _REFUSED:
        return NOTHING
    if QUOTA in message:
        return Pending("quota", message[message.index(QUOTA) :])
    return Pending("starting", sentence(_REFUSED, _REFUSAL.sub("", message)))


def _of_scheduler(unmet_condition: Object, event: Object) -> Pending:
    message = str(unmet_condition.get("message") or "")
    if unmet_condition.get("reason") == "SchedulingGated":
        return Pending("queued", message)
    return Pending("unschedulable", f"{message} {event.get('message')}" if event.get("reason") in _SCALER else message)


def _of_pod_event(event: Object) -> Pending:
    reason, message = event.get("reason"), str(event.get("message") or "")
    if reason == PULLING or (reason == "Failed" and "pull image" in message):
        return Pending("pulling", sentence(None, message))
    if event.get("type") != "Warning":
        return NOTHING
    return Pending("mounting" if reason in _MOUNTS else "starting", sentence(reason, message))


def _uid(item: Object | None) -> str:
    return str(((item or {}).get("metadata") or {}).get("uid"))
