"""Converters of the fields of `KubernetesLauncher`. They check the value and raise ValueError."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from ..converters import StrPath, Texts, absolute, choice, optional_path, seconds, whole_number
from ..converters import labels as label_values
from ..errors import LaunchError
from ..limits import check_size, shown
from ..models import ImagePullPolicy, RestartPolicy
from ..secret import hidden as hidden_value
from . import patch
from .labels import valid_labels
from .manifest import base_manifest, ignored, may_hold_job, with_hidden_values
from .schemas import JOB, PATCH
from .shapes import AN_AMOUNT, Fault, is_amount

if TYPE_CHECKING:
    from ..yamlfile import Document

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_LARGEST = 2**31 - 1
"""The largest number of a Job's fields."""

_QUEUE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?\Z")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z")


def image(value: str | None) -> str | None:
    return _optional_text(value, "image")


def context(value: str | None) -> str | None:
    return _optional_text(value, "context")


def _optional_text(value: object, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise ValueError(f"{what} must be non-empty text, not {_kind(value)}")


def namespace(value: str | None) -> str | None:
    return _optional_name(
        value, _LABEL, "namespace must be a name of lowercase letters, digits and '-', at most 63 long"
    )


def service_account_name(value: str | None) -> str | None:
    return _optional_name(
        value, _DOMAIN, "service_account_name must be a name of lowercase letters, digits, '-' and '.'"
    )


def _optional_name(value: object, pattern: re.Pattern[str], rule: str) -> str | None:
    if value is None or (isinstance(value, str) and pattern.match(value)):
        return value
    raise ValueError(f"{rule}, not {shown(value)}" if isinstance(value, str) else f"{rule}, not {_kind(value)}")


def image_pull_policy(value: str | None) -> ImagePullPolicy | None:
    return None if value is None else choice(ImagePullPolicy, value, "image_pull_policy")


def restart_policy(value: str) -> RestartPolicy:
    return choice(RestartPolicy, value, "restart_policy")


def labels(value: Mapping[str, str | float]) -> dict[str, str]:
    """The labels as they were given. ValueError if they cannot be made valid."""
    given = label_values(value)
    valid_labels(given)
    return given


def manifest(value: Mapping[str, object] | StrPath | None) -> dict[str, Any] | str | None:
    """A Job's manifest, or the path of its file, which is read when a spec is built."""
    if not isinstance(value, Mapping):
        return optional_path(value, "job")
    try:
        return base_manifest([json_able(dict(value), "job")])
    except Fault as fault:
        raise ValueError(f"job: {fault}") from None


def kubeconfig(value: StrPath | None) -> str | None:
    return optional_path(value, "kubeconfig")


def read_manifest(value: dict[str, Any] | str | None) -> dict[str, Any] | None:
    """The manifest itself. LaunchError if its file is unreadable or invalid."""
    if not isinstance(value, str):
        return with_hidden_values(value)
    documents = _documents(value)
    try:
        return with_hidden_values(base_manifest([one.data for one in documents]))
    except Fault as fault:
        error = documents[fault.document].error(fault.message, *fault.steps) if documents else f"{value}: {fault}"
        raise LaunchError(f"{error}.") from None


def ignored_objects(value: dict[str, Any] | str | None) -> list[str]:
    """The kinds and names of the objects in a manifest's file that are not used. LaunchError as in `read_manifest`."""
    return ignored([one.data for one in _documents(value)]) if isinstance(value, str) else []


def customizations(value: Sequence[Mapping[str, object]] | StrPath) -> list[patch.Operation] | str:
    """A JSON patch, from a list or a JSON string, or the path of its file, which is read when a spec is built."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"customizations: not valid JSON: {error}") from None
    if isinstance(value, str | os.PathLike):
        return optional_path(value, "customizations") or ""
    try:
        checked: list[patch.Operation] = json_able(patch.checked(value), "customizations")
    except ValueError as error:
        raise ValueError(f"customizations: {error}") from None
    return checked


def read_customizations(value: list[patch.Operation] | str) -> list[patch.Operation]:
    """The patch itself. LaunchError if its file is unreadable or invalid."""
    if not isinstance(value, str):
        return _with_hidden_environment(value)
    try:
        return _with_hidden_environment(patch.checked(_parsed_patch(value)))
    except ValueError as error:
        raise LaunchError(f"The file {value!r} does not hold a JSON patch: {error}") from error


def _with_hidden_environment(operations: list[patch.Operation]) -> list[patch.Operation]:
    """The operations, with the values hidden of those that may set variables."""
    return [
        {**one, "value": hidden_value(one["value"])} if "value" in one and "containers" in one["path"].lower() else one
        for one in operations
    ]


def resources(value: Mapping[str, Mapping[str, str | float]] | None) -> dict[str, dict[str, str]] | None:
    """`{"requests": {…}, "limits": {…}}` with its amounts as text."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not set(value) <= {"requests", "limits"}:
        raise ValueError('resources must be a mapping like {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}')
    return {level: _amounts(level, value[level]) for level in ("requests", "limits") if value.get(level)}


def _amounts(level: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"resources[{level!r}] must be a mapping of names to amounts, not {_kind(value)}")
    for name, amount in value.items():
        if not isinstance(name, str) or isinstance(amount, bool) or not isinstance(amount, str | int | float):
            raise ValueError(f"resources[{level!r}][{name!r}] must be text or a number, not {_kind(amount)}")
        if not is_amount(str(amount)):
            raise ValueError(f"resources[{level!r}][{name!r}] must be {AN_AMOUNT}, not {amount!r}")
    return {name: str(amount) for name, amount in value.items()}


def image_pull_secrets(value: Texts) -> list[str]:
    return _names(value, "image_pull_secrets")


def forward_urls(value: Texts) -> list[str]:
    return _names(value, "forward_urls")


def _names(value: object, what: str) -> list[str]:
    given = sorted(value, key=str) if isinstance(value, Set) else value
    if isinstance(given, str) or not isinstance(given, list | tuple):
        raise ValueError(f"{what} must be a list of names, not {_kind(value)}")
    for name in given:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{what} must be a list of names, without {_kind(name)}")
    return list(given)


def backoff_limit(value: int) -> int:
    return whole_number(value, "backoff_limit", most=_LARGEST)


def pod_watch_timeout(value: float | None) -> float | None:
    return None if value is None else seconds(value, "pod_watch_timeout")


def ends_with(value: str) -> str:
    if value not in ("job", "container"):
        raise ValueError(f"ends_with must be 'job' or 'container', not {shown(value)}")
    return value


def queue(value: str | None) -> str | None:
    return _optional_name(
        value, _QUEUE, "queue must be a name of lowercase letters, digits, '-' and '.', at most 63 long"
    )


def job_watch_timeout(value: float | None) -> float | None:
    return None if value is None else seconds(value, "job_watch_timeout")


def finished_job_ttl(value: float | None) -> float | None:
    ttl = None if value is None else seconds(value, "finished_job_ttl", zero=True)
    if ttl is not None and ttl > _LARGEST:
        raise ValueError(f"finished_job_ttl must be at most {_LARGEST} seconds")
    return ttl


def absolute_file(value: Any, folder: str) -> Any:
    """The path of a file made absolute; a value that is no path stays."""
    return absolute(value, folder) if isinstance(value, str) else value


def absolute_kubeconfig(value: str | None, folder: str) -> str | None:
    """As `absolute_file`; it may be several files, as in KUBECONFIG."""
    if value is None or os.path.exists(os.path.join(folder, value)):
        return absolute(value, folder)
    return os.pathsep.join(absolute(part, folder) or "" for part in value.split(os.pathsep) if part)


def whole_seconds(value: float | None, least: int = 0) -> int | None:
    """Seconds rounded up, as the API server needs them."""
    return None if value is None else max(least, math.ceil(value))


def json_able(value: Any, what: str) -> Any:
    """A deep copy of `value`; ValueError if JSON cannot express it."""
    check_size(value, what)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must be made of text, numbers, booleans, lists and mappings: {error}") from None


def hidden(value: object) -> str:
    """For a repr: shows a path, and hides everything else, which may hold values of the environment."""
    return repr(value) if value is None or isinstance(value, str) else "***" if value else "[]"


def _parsed_patch(path: str) -> Any:
    from .. import yamlfile  # takes 15 ms to import, and is needed only for a file

    try:
        return yamlfile.load(os.path.expanduser(path), PATCH).data
    except ValueError as error:
        raise LaunchError(f"{error}.") from None


def _documents(path: str) -> list[Document]:
    """The documents of a manifest's file. LaunchError if one that may have the Job is not plain data."""
    from .. import yamlfile  # as above

    try:
        documents = yamlfile.load_all(os.path.expanduser(path), JOB)
        for document in documents:
            if document.faults and (len(documents) == 1 or may_hold_job(document.data)):
                raise document.first_error()
        return documents
    except ValueError as error:
        raise LaunchError(f"{error}.") from None


def _kind(value: object) -> str:
    return "empty text" if isinstance(value, str) else type(value).__name__
