"""The manifest of a Job. Pure functions from plain values to a plain dict."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from ..core.backend import Spec
from ..core.names import RANDOM, slug
from ..entrypoints import result_environment
from ..ids import new_id
from ..secret import MASK, hidden, revealed
from ..variables import IDENTITY, RESERVED
from . import patch
from .environment import Environment, env_entry, literal, merged_env, merged_sources
from .labels import ATTEMPT, BACKSTOP, ENDS_WITH, PREFIX, RUN_ID, TIMEOUT
from .manifest import CONTAINER
from .shapes import MANIFEST, Fault, conform

BACKSTOP_MARGIN = 60
"""Seconds after the latest end of a run's time-out, until the cluster ends a run that no process has stopped."""

MESSAGE_PATH = "/dev/termination-log"
"""The file whose content is the termination message of a container, unless the manifest names another."""

MESSAGE_SIZE, ALL_MESSAGES_SIZE = 4096, 12288
"""Bytes that a node keeps of a termination message, and of those of all containers of a pod."""

_EMPTY = {"apiVersion": "batch/v1", "kind": "Job"}
_MAX_STEM_LENGTH = 45
_SUFFIX_LENGTH = 8
_SUFFIXES = 3


@attrs.frozen(kw_only=True)
class Layer:
    """Settings of a Job's spec, of its pod's and of its container's. None: not given."""

    job: dict[str, Any] = attrs.field(factory=dict)
    pod: dict[str, Any] = attrs.field(factory=dict)
    container: dict[str, Any] = attrs.field(factory=dict)


def job_names(text: str, run_id: str, attempt: str = "1") -> Iterator[str]:
    """Names to try for the Job of a run: a slug and a suffix from the run's id, then some with random suffixes.

    From the second attempt on, the suffix ends with its number.
    """
    stem = _stem(text) or _stem(run_id) or "run"
    digest = hashlib.sha256(run_id.encode("utf-8", "surrogatepass")).hexdigest()
    end = "" if attempt == "1" else f"-{attempt}"
    for number in range(_SUFFIXES):
        yield f"{stem}-{digest[number * _SUFFIX_LENGTH : (number + 1) * _SUFFIX_LENGTH]}{end}"
    for _ in range(RANDOM):
        yield f"{stem}-{new_id()[:_SUFFIX_LENGTH]}{end}"


def _stem(text: str) -> str:
    return slug(text, allowed="a-z0-9-", longest=_MAX_STEM_LENGTH, lowercase=True)


def limited(
    base: Mapping[str, Any] | None, timeout: float | None, pod_watch_timeout: float | None, ends_with: str = "job"
) -> dict[str, Any]:
    """The manifest `base` without launchpad's annotations, which are those of another run, and with what ends it.

    With `timeout`, it has an activeDeadlineSeconds that ends the run if no process is left that enforces the time-out;
    not without a `pod_watch_timeout`, because a Job without a queue is active while its pod waits.
    """
    manifest = copy.deepcopy(dict(base or _EMPTY))
    metadata = _mapping(manifest, "metadata")
    notes = {key: value for key, value in (metadata.get("annotations") or {}).items() if not key.startswith(PREFIX)}
    if ends_with != "job":
        notes[ENDS_WITH] = ends_with
    if timeout is not None:
        notes[TIMEOUT] = f"{timeout:g}"
    if timeout is not None and pod_watch_timeout is not None:
        job, backstop = _mapping(manifest, "spec"), math.ceil(timeout + pod_watch_timeout + BACKSTOP_MARGIN)
        if not 0 < (job.get("activeDeadlineSeconds") or 0) <= backstop:
            job["activeDeadlineSeconds"] = backstop
            notes[BACKSTOP] = str(backstop)
    if notes or "annotations" in metadata:
        metadata["annotations"] = notes
    return manifest


def build(
    base: Mapping[str, Any] | None,
    *,
    name: str,
    namespace: str | None,
    labels: Mapping[str, str],
    command: Sequence[str],
    defaults: Layer,
    settings: Layer,
    generated_env: Environment,
    env: Environment,
    env_from: Sequence[str] = (),
    customizations: Sequence[patch.Operation] = (),
    entrypoint: str | None = None,
) -> Spec:
    """The manifest of the Job `name`.

    `base` overrides `defaults` and `generated_env`, and is overridden by the rest. The Job and its pods get `labels`.
    A run with an `entrypoint` is told where to write its result. `customizations` are applied last; ValueError if they
    do not fit, leave a wrong shape, or change what identifies the run.
    """
    manifest = copy.deepcopy(dict(base or _EMPTY))
    template = _mapping(job := _mapping(manifest, "spec"), "template")
    for labelled in (_named(manifest, name, namespace), _mapping(template, "metadata")):
        _mapping(labelled, "labels").update(labels)
    pod = _mapping(template, "spec")
    container = _own_container(pod)
    _add_settings(job, pod, container, defaults, settings)
    key = _set_command(container, words := [literal(word) for word in command])
    container["env"] = merged_env(container.get("env") or [], generated_env, env)
    if env_from:
        container["envFrom"] = merged_sources(container.get("envFrom") or [], env_from)
    spec = _customized(manifest, customizations)
    _hide_values(final_pod := spec["spec"]["template"]["spec"])
    final = _own_container(final_pod)
    _restore_reserved(container["env"], final)
    final["env"] += _result_entries(entrypoint, final_pod, final)
    if key == "command" and final.get("command") != words:  # that of a patch
        final.setdefault("args", words)
    return spec


def _add_settings(
    job: dict[str, Any], pod: dict[str, Any], container: dict[str, Any], defaults: Layer, settings: Layer
) -> None:
    _layer(job, defaults.job, settings.job)
    _layer(pod, defaults.pod, settings.pod)
    _layer(container, defaults.container, settings.container)
    if (job.get("backoffLimit") or 0) > 0:  # two pods at once would execute the run twice
        job.setdefault("podReplacementPolicy", "Failed")


def _named(manifest: dict[str, Any], name: str, namespace: str | None) -> dict[str, Any]:
    """Names the Job, and returns the metadata."""
    metadata = _mapping(manifest, "metadata")
    metadata.pop("generateName", None)
    metadata.update({"name": name} if namespace is None else {"name": name, "namespace": namespace})
    return metadata


def _layer(target: dict[str, Any], defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    target.update({key: value for key, value in defaults.items() if target.get(key) is None and value is not None})
    target.update({key: value for key, value in settings.items() if value is not None})


def _mapping(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping `parent[key]`, created if there is none."""
    if parent.get(key) is None:
        parent[key] = {}
    child: dict[str, Any] = parent[key]
    return child


def _own_container(pod: dict[str, Any]) -> dict[str, Any]:
    if not pod.get("containers"):
        pod["containers"] = [{"name": CONTAINER}]
    containers: list[dict[str, Any]] = pod["containers"]
    if len(containers) == 1:
        containers[0]["name"] = CONTAINER
    return next(one for one in containers if one.get("name") == CONTAINER)


def _set_command(container: dict[str, Any], words: list[str]) -> str:
    """Makes `words` what runs, and returns the key that holds them.

    They are arguments of the image's ENTRYPOINT, or replace the manifest's own command and arguments.
    """
    key = "command" if container.pop("command", None) else "args"
    container.pop("args", None)
    container[key] = words
    return key


def _hide_values(pod: Mapping[str, Any]) -> None:
    """Hides the values of all variables: a manifest and a patch may set some."""
    for container in [*pod["containers"], *(pod.get("initContainers") or ())]:
        for entry in container.get("env") or ():
            if "value" in entry:
                entry["value"] = hidden(entry["value"])


def _restore_reserved(entries: Sequence[Mapping[str, Any]], customized: dict[str, Any]) -> None:
    """Adds the reserved variables that a patch has removed. ValueError if it has set one."""
    own = {entry["name"]: entry for entry in entries if entry["name"] in RESERVED}
    env = customized["env"] = list(customized.get("env") or ())
    for entry in env:
        if entry["name"] in RESERVED and entry != own.pop(entry["name"], None):
            raise ValueError(f"customizations: {entry['name']} cannot be set: launchpad sets it for every run")
    env += own.values()


def _result_entries(entrypoint: str | None, pod: Mapping[str, Any], own: Mapping[str, Any]) -> list[dict[str, str]]:
    """The entry that says where the engine writes its result: the termination message, whose room containers share."""
    containers = len(pod["containers"]) + len(pod.get("initContainers") or ())
    limit = min(MESSAGE_SIZE, ALL_MESSAGES_SIZE // containers)
    variables = result_environment(entrypoint, limit, own.get("terminationMessagePath") or MESSAGE_PATH)
    return [env_entry(name, value) for name, value in variables.items()]


def _customized(manifest: Spec, customizations: Sequence[patch.Operation]) -> Spec:
    if not customizations:
        return manifest
    try:
        custom: Spec = patch.applied(manifest, customizations)
    except ValueError as error:
        raise ValueError(f"customizations: {error}") from None
    try:
        custom = conform(custom, MANIFEST) if isinstance(custom, Mapping) else custom
    except Fault as fault:
        operation = patch.title(*_culprit(manifest, customizations))
        raise ValueError(f"customizations: {operation} leaves a manifest of a wrong shape: {fault}") from None
    if _identity(custom) != _identity(manifest):
        raise ValueError(
            f"customizations: they must not change metadata.name, the labels {RUN_ID} and {ATTEMPT} of the Job and its "
            f"pods, and the container {CONTAINER!r}: these identify the run"
        )
    custom["metadata"].pop("resourceVersion", None)  # the server creates no object that has one
    return custom


def _culprit(manifest: Spec, customizations: Sequence[patch.Operation]) -> tuple[int, patch.Operation]:
    """The last operation that turned a well-formed manifest into another."""
    fits, culprit = True, 0
    for position in range(len(customizations)):
        manifest, fitted = patch.applied(manifest, customizations[position : position + 1]), fits
        fits = _fits(manifest)
        if fitted and not fits:
            culprit = position
    return culprit, customizations[culprit]


def _fits(manifest: object) -> bool:
    try:
        conform(manifest, MANIFEST)
    except Fault:
        return False
    return True


def has_image(spec: Spec) -> bool:
    """Whether the run's container has an image."""
    return bool(_own_container(spec["spec"]["template"]["spec"]).get("image"))


def set_default(spec: Spec, variable: str, value: str) -> None:
    """Adds a variable to the run's container, unless it has the variable."""
    env = _own_container(spec["spec"]["template"]["spec"]).setdefault("env", [])
    if all(entry.get("name") != variable for entry in env):
        env.append(env_entry(variable, value))


def check_restarts(spec: Mapping[str, Any]) -> None:
    """ValueError if the cluster would execute a run twice that is not to be retried, or could not retry one that is."""
    job = spec.get("spec") or {}
    pod = (job.get("template") or {}).get("spec") or {}
    notes = (spec.get("metadata") or {}).get("annotations") or {}
    if notes.get(ENDS_WITH) == "container" and job.get("backoffLimit") != 0:
        raise ValueError(
            "ends_with 'container' needs a backoff_limit (in a manifest: backoffLimit) of 0: the Job is deleted when "
            "the container has ended. Use a Retry to launch the run again"
        )
    if pod.get("restartPolicy") == "OnFailure" and job.get("backoffLimit") == 0:
        raise ValueError(
            "restart_policy OnFailure needs a backoff_limit (in a manifest: backoffLimit) of at least 1: "
            "with 0, the cluster executes a run that fails twice"
        )


def _identity(manifest: Any) -> tuple[Any, ...]:
    try:
        template = manifest["spec"]["template"]
        own = [one["name"] for one in template["spec"]["containers"] if one["name"] == CONTAINER]
        metadata = manifest["metadata"]
        places = [one["metadata"]["labels"][label] for one in (manifest, template) for label in (RUN_ID, ATTEMPT)]
        return (manifest["kind"], metadata["name"], metadata.get("namespace"), *places, own)
    except (LookupError, TypeError):
        return ()


def render(spec: Spec, reveal: bool) -> str:
    """The manifest as YAML. The values of all variables are masked unless `reveal`."""
    import yaml  # takes 15 ms to import, and is only needed for a preview

    shown = revealed(spec)
    pod = shown["spec"]["template"]["spec"]
    for container in () if reveal else [*pod["containers"], *(pod.get("initContainers") or [])]:
        for entry in container.get("env") or []:
            if "value" in entry and entry["name"] not in IDENTITY:
                entry["value"] = MASK
    text: str = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)
    if not text.replace("\n", "").isprintable():  # a terminal would act on some characters
        text = yaml.safe_dump(shown, sort_keys=False, allow_unicode=False, width=120)
    return text
