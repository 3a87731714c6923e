"""Which scalars are text in a YAML file of a manifest or of a JSON patch for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..schema import ANY, TEXT, YAML, Schema, below
from .shapes import FLAG, MANIFEST, WHOLE

_TEXTS = (
    "action audience claimName containerName creationTimestamp driver effect fieldPath fsType generateName host key "
    "kind image level medium name namespace operator path request resourceVersion role scheme secretName server "
    "service status storageClassName topologyKey type uid user value volumeName whenUnsatisfiable"
)
_LISTS_OF_TEXT = "accessModes command finalizers matchLabelKeys mismatchLabelKeys namespaces values"
_MAPPINGS_TO_TEXT = "annotations labels limits matchLabels requests volumeAttributes"

_REST: dict[str, Schema] = {
    **dict.fromkeys(_TEXTS.split(), TEXT),
    **{key: [TEXT] for key in _LISTS_OF_TEXT.split()},
    **{key: {ANY: TEXT} for key in _MAPPINGS_TO_TEXT.split()},
    "defaultMode": YAML,
    "mode": YAML,
    "onExitCodes": {"containerName": TEXT, "operator": TEXT},
    "managedFields": TEXT,
}
_REST[ANY] = _REST
"""The schema of parts that `shapes` does not describe: what has one of these names anywhere in a pod or Job is text."""


def _schema(shape: Any) -> Schema:
    if isinstance(shape, list):
        return [_schema(shape[0])]
    if isinstance(shape, dict):
        inner = {key: _schema(one) for key, one in shape.items()}
        return inner if ANY in shape else {**_REST, **inner}
    return YAML if shape in (FLAG, WHOLE) else TEXT


_MANIFEST = _schema(MANIFEST)

JOB: Schema = {**_MANIFEST, "status": TEXT, "items": [_MANIFEST]} if isinstance(_MANIFEST, dict) else None
"""The schema of a Job's manifest, or of a List with one."""


def _operation(texts: Mapping[str, str]) -> dict[str, Schema]:
    """The schema of an operation whose texts these are: its path leads to what its value is."""
    schema = JOB
    for token in texts.get("path", "").split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        schema = below(schema, 0 if isinstance(schema, list) else step)
    return {"op": TEXT, "path": TEXT, "from": TEXT, "value": schema}


PATCH: Schema = [_operation]
"""The schema of a JSON patch for a Job's manifest."""
