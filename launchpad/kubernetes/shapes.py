"""The shapes of a Job's manifest: which part is text, a number, a list or a mapping. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Steps = tuple[str | int, ...]
"""The keys and positions that lead to a part of a manifest."""


class Fault(ValueError):
    """A part of a manifest has a wrong shape. `document` is its position in a file that has several."""

    def __init__(self, message: str, steps: Steps = (), document: int = 0) -> None:
        self.message = message
        self.steps = steps
        self.document = document
        place = path(steps)
        super().__init__(f"{place} {message}" if place else message)


TEXT, VALUE, WHOLE, FLAG, AMOUNT = "text", "a value", "a whole number", "true or false", "an amount"
"""Scalars. Of a VALUE, a number is accepted and becomes text; an AMOUNT stays a number."""

AN_AMOUNT = "an amount such as 2, 500m or 1Gi (units: n u m k M G T P E Ki Mi Gi Ti Pi Ei)"
"""What an amount must be, for errors."""

_AMOUNT = re.compile(r"\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?\Z", re.ASCII)

MAPPING: dict[str, Any] = {}
"""A mapping whose keys only the server knows."""

_EACH = "*"
"""The key of a shape for each key of a mapping."""

_VALUES = {_EACH: VALUE}
_AMOUNTS = {_EACH: AMOUNT}

_SECURITY = {
    "allowPrivilegeEscalation": FLAG,
    "capabilities": {"add": [TEXT], "drop": [TEXT]},
    "fsGroup": WHOLE,
    "privileged": FLAG,
    "readOnlyRootFilesystem": FLAG,
    "runAsGroup": WHOLE,
    "runAsNonRoot": FLAG,
    "runAsUser": WHOLE,
    "supplementalGroups": [WHOLE],
}

_KEY_OF_OBJECT = {"name": TEXT, "key": TEXT, "optional": FLAG}
_OBJECT = {"name": TEXT, "optional": FLAG}
_FILES_OF_OBJECT = {
    "name": TEXT,
    "secretName": TEXT,
    "optional": FLAG,
    "defaultMode": WHOLE,
    "items": [{"key": TEXT, "path": TEXT, "mode": WHOLE}],
}

_VARIABLE = {
    "name": TEXT,
    "value": VALUE,
    "valueFrom": {
        "configMapKeyRef": _KEY_OF_OBJECT,
        "secretKeyRef": _KEY_OF_OBJECT,
        "fieldRef": {"apiVersion": TEXT, "fieldPath": TEXT},
        "resourceFieldRef": {"containerName": TEXT, "resource": TEXT, "divisor": AMOUNT},
    },
}

_CONTAINER = {
    "name": TEXT,
    "image": TEXT,
    "imagePullPolicy": TEXT,
    "command": [TEXT],
    "args": [TEXT],
    "workingDir": TEXT,
    "env": [_VARIABLE],
    "envFrom": [{"prefix": TEXT, "configMapRef": _OBJECT, "secretRef": _OBJECT}],
    "ports": [{"name": TEXT, "containerPort": WHOLE, "hostPort": WHOLE, "hostIP": TEXT, "protocol": TEXT}],
    "resources": {"requests": _AMOUNTS, "limits": _AMOUNTS, "claims": [MAPPING]},
    "volumeMounts": [
        {
            "name": TEXT,
            "mountPath": TEXT,
            "subPath": TEXT,
            "subPathExpr": TEXT,
            "readOnly": FLAG,
            "mountPropagation": TEXT,
        }
    ],
    "volumeDevices": [{"name": TEXT, "devicePath": TEXT}],
    "securityContext": _SECURITY,
    "lifecycle": MAPPING,
    "livenessProbe": MAPPING,
    "readinessProbe": MAPPING,
    "startupProbe": MAPPING,
    "restartPolicy": TEXT,
    "stdin": FLAG,
    "stdinOnce": FLAG,
    "tty": FLAG,
    "terminationMessagePath": TEXT,
    "terminationMessagePolicy": TEXT,
}

_VOLUME = {
    "name": TEXT,
    "configMap": _FILES_OF_OBJECT,
    "secret": _FILES_OF_OBJECT,
    "emptyDir": {"medium": TEXT, "sizeLimit": AMOUNT},
    "hostPath": {"path": TEXT, "type": TEXT},
    "persistentVolumeClaim": {"claimName": TEXT, "readOnly": FLAG},
    "nfs": {"server": TEXT, "path": TEXT, "readOnly": FLAG},
    "projected": {"defaultMode": WHOLE, "sources": [MAPPING]},
}

_POD = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "volumes": [_VOLUME],
    "restartPolicy": TEXT,
    "activeDeadlineSeconds": WHOLE,
    "terminationGracePeriodSeconds": WHOLE,
    "serviceAccount": TEXT,
    "serviceAccountName": TEXT,
    "automountServiceAccountToken": FLAG,
    "imagePullSecrets": [{"name": TEXT}],
    "nodeName": TEXT,
    "nodeSelector": _VALUES,
    "affinity": MAPPING,
    "tolerations": [{"key": TEXT, "operator": TEXT, "value": TEXT, "effect": TEXT, "tolerationSeconds": WHOLE}],
    "topologySpreadConstraints": [MAPPING],
    "schedulerName": TEXT,
    "priority": WHOLE,
    "priorityClassName": TEXT,
    "preemptionPolicy": TEXT,
    "runtimeClassName": TEXT,
    "overhead": _AMOUNTS,
    "hostname": TEXT,
    "subdomain": TEXT,
    "hostAliases": [{"ip": TEXT, "hostnames": [TEXT]}],
    "hostIPC": FLAG,
    "hostNetwork": FLAG,
    "hostPID": FLAG,
    "shareProcessNamespace": FLAG,
    "enableServiceLinks": FLAG,
    "dnsPolicy": TEXT,
    "dnsConfig": {"nameservers": [TEXT], "searches": [TEXT], "options": [{"name": TEXT, "value": VALUE}]},
    "securityContext": _SECURITY,
}

_METADATA = {"name": TEXT, "generateName": TEXT, "namespace": TEXT, "labels": _VALUES, "annotations": _VALUES}

MANIFEST = {
    "apiVersion": TEXT,
    "kind": TEXT,
    "metadata": _METADATA,
    "spec": {
        "template": {"metadata": _METADATA, "spec": _POD},
        "backoffLimit": WHOLE,
        "parallelism": WHOLE,
        "completions": WHOLE,
        "activeDeadlineSeconds": WHOLE,
        "ttlSecondsAfterFinished": WHOLE,
        "completionMode": TEXT,
        "podReplacementPolicy": TEXT,
        "podFailurePolicy": MAPPING,
        "managedBy": TEXT,
        "suspend": FLAG,
    },
}
"""What launchpad knows of a Job's manifest. Other keys are left to the server."""

_HINTS = {
    "env": "write each variable as {name: NAME, value: TEXT}",
    "command": "write it as a list of words",
    "args": "write it as a list of words",
    "containers": "write each container after a dash",
}


def conform(value: Any, shape: Any, steps: Steps = ()) -> Any:
    """A copy of `value` with numbers as text where text belongs, without keys that have no value. Fault."""
    if isinstance(shape, dict):
        return _mapping({} if value == [] else value, shape, steps)  # an empty part says nothing
    if isinstance(shape, list):
        if value == {}:
            return []
        if not isinstance(value, list):
            raise _wrong(value, "a list", steps)
        return [conform(item, shape[0], (*steps, position)) for position, item in enumerate(value)]
    return _scalar(value, shape, steps)


def _mapping(value: Any, shape: dict[str, Any], steps: Steps) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(value, "a mapping", steps)
    for key in value:
        if not isinstance(key, str):
            raise Fault(f"must have text as keys, not {_kind(key)}", steps)
    if shape is _VARIABLE and not value.get("name"):
        raise Fault("must have a name: write each variable as {name: NAME, value: TEXT}", steps)
    known = {key: shape.get(key, shape.get(_EACH)) for key in value}
    return {
        key: one if known[key] is None else conform(one, known[key], (*steps, key))
        for key, one in value.items()
        if one is not None or known[key] is None
    }


def _scalar(value: Any, shape: str, steps: Steps) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if shape == VALUE and number:
        return repr(value)
    fits = {
        TEXT: isinstance(value, str),
        VALUE: isinstance(value, str),
        WHOLE: number and isinstance(value, int),
        FLAG: isinstance(value, bool),
        AMOUNT: number or isinstance(value, str),
    }
    if shape == AMOUNT and isinstance(value, str) and not is_amount(value):
        raise Fault(f"must be {AN_AMOUNT}, not {value!r}", steps)
    if not fits[shape]:
        raise _wrong(value, {VALUE: "text", AMOUNT: "text or a number"}.get(shape, shape), steps)
    return value


def is_amount(text: str) -> bool:
    """Whether Kubernetes reads `text` as a quantity, such as `500m` or `1Gi`."""
    return _AMOUNT.match(text) is not None


def _wrong(value: object, wanted: str, steps: Steps) -> Fault:
    hint = ""
    if wanted == "a list" and steps:
        hint = _HINTS.get(str(steps[-1]), "")
    elif wanted == "text" and not isinstance(value, Mapping | list):
        hint = "put it in quotes"
    return Fault(f"must be {wanted}, not {_kind(value)}" + (f": {hint}" if hint else ""), steps)


def _kind(value: object) -> str:
    """What a value is, without the value itself, which may be secret."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else type(value).__name__


def path(steps: Steps) -> str:
    """The steps as Kubernetes writes them, such as `spec.template.spec.containers[0].env`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def unknown(value: Any, shape: Any = MANIFEST) -> bool:
    """Whether `value` has keys that are not in its shape: they may be misspelt, or just not listed here."""
    if isinstance(shape, list):
        return any(unknown(item, shape[0]) for item in value)
    if not isinstance(shape, dict):
        return False
    return any(key not in shape and _EACH not in shape for key in value) or any(
        unknown(one, shape.get(key)) for key, one in value.items()
    )
