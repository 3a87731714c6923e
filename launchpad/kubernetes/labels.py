"""Labels that Kubernetes accepts, and launchpad's own labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..core.names import slug
from ..variables import attempt_number

MANAGED_BY = "app.kubernetes.io/managed-by"
RUN_ID = "launchpad.io/run-id"
RUN_NAME = "launchpad.io/run-name"

ATTEMPT = "launchpad.io/attempt"

QUEUE = "kueue.x-k8s.io/queue-name"
"""The label by which a Job waits in a queue of Kueue."""

PREFIX = "launchpad.io/"
"""Of all annotations of launchpad. Those called as labels have what a label cannot hold."""

STARTER = PREFIX + "starter"
DEADLINE = PREFIX + "deadline"
TIMEOUT = PREFIX + "timeout"
"""The time-out of the run, in seconds."""

ENDS_WITH = PREFIX + "ends-with"
"""Set to "container" if a run ends with its own container."""

BACKSTOP = PREFIX + "backstop"
"""The activeDeadlineSeconds that launchpad has set, for a run whose starter is gone."""

_MAX_LENGTH = 63
_MAX_PREFIX_LENGTH = 253
_ALLOWED = "a-zA-Z0-9_.-"
_VALID = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?\Z")
_VALID_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")


def own_labels(run_id: str, run_name: str, attempt: str = "1") -> dict[str, str]:
    """The labels that identify the Job and the pods of a run. Characters that a label cannot have are left out."""
    identity = {MANAGED_BY: "launchpad", RUN_ID: _cleaned(run_id) or "run", RUN_NAME: _cleaned(run_name)}
    return {**identity, ATTEMPT: attempt}


def same_attempt(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two Jobs have the labels of the same attempt of the same run. Those of launchpad 0.1 have no attempt."""
    return one.get(RUN_ID) == other.get(RUN_ID) and one.get(ATTEMPT, "1") == other.get(ATTEMPT, "1")


def own_annotations(run_id: str, run_name: str) -> dict[str, str]:
    """The annotations of a Job with what its labels cannot hold."""
    labels = own_labels(run_id, run_name)
    facts = {RUN_ID: run_id, RUN_NAME: run_name}
    return {key: value for key, value in facts.items() if value != labels[key] and _is_utf8(value)}


def is_of_run(job: Mapping[str, Any], run_id: str) -> bool:
    """Whether a Job has the label of the run with this id."""
    labels = job["metadata"].get("labels") or {}
    return bool(run_id and labels.get(RUN_ID) == own_labels(run_id, "")[RUN_ID])


def attempt_of(job: Mapping[str, Any]) -> int:
    """The number of the attempt that a Job is."""
    return attempt_number((job["metadata"].get("labels") or {}).get(ATTEMPT))


def valid_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """`labels` with valid keys and values; ValueError if one has no character that is valid."""
    return {_key(key): _value(key, value) for key, value in labels.items()}


def _key(key: str) -> str:
    prefix, slash, name = key.rpartition("/") if key.count("/") == 1 else key.partition("/")
    if not slash:
        prefix, name = "", key
    valid = _cleaned(name)
    if not valid or (slash and not prefix):
        raise ValueError(f"labels: {key!r} cannot be made a valid key: write [prefix/]name with letters and digits")
    return f"{_prefix(key, prefix)}/{valid}" if slash else valid


def _prefix(key: str, prefix: str) -> str:
    if len(prefix) <= _MAX_PREFIX_LENGTH and _VALID_PREFIX.match(prefix):
        return prefix
    parts = (slug(part, allowed="a-z0-9-", longest=_MAX_LENGTH, lowercase=True) for part in prefix.split("."))
    valid = ".".join(part for part in parts if part)[:_MAX_PREFIX_LENGTH].strip("-.")
    if not valid:
        raise ValueError(f"labels: {key!r} cannot be made a valid key: its prefix must be a domain name")
    return valid


def _value(key: str, value: str) -> str:
    valid = _cleaned(value)
    if value and not valid:
        raise ValueError(f"labels[{key!r}] cannot be made a valid value: it must have a letter or a digit")
    return valid


def _cleaned(text: str) -> str:
    return text if _VALID.match(text) else slug(text, allowed=_ALLOWED, longest=_MAX_LENGTH)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
