"""The recordings in `tests/kubernetes/recordings`: what an API server sent about one Job, its pods and events.

Those in the folder itself are of a server 1.36.2, those in `1.20` of a server 1.20.2 (`record.py` makes such files).

Each file is one situation. Each of its lines is a change of an object, an action of another client, or an exchange of
one request and its response. From the second state of an object on, a line has only what has changed.
"""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any, NamedTuple

FOLDER = pathlib.Path(__file__).parent.parent / "recordings"

Object = dict[str, Any]


class Change(NamedTuple):
    """A change at `at` seconds after the Job was requested. `kind`: Job, Pod, Event or Action."""

    at: float
    kind: str
    type: str
    item: Object


@functools.cache
def lines(name: str) -> tuple[Object, ...]:
    (file,) = FOLDER.glob(f"{name}-*.jsonl")
    return tuple(json.loads(line) for line in file.read_text("utf-8").splitlines())


@functools.cache
def changes(name: str) -> tuple[Change, ...]:
    """The changes of the situation whose file begins with `name`, each with the whole object."""
    states: dict[tuple[str, str], Object] = {}
    found = []
    for line in lines(name):
        item = line.get("object") or {}
        if line["kind"] in ("Job", "Pod"):
            key = (line["kind"], item["metadata"]["name"])
            item = states[key] = _merged(states.get(key, {}), item)
        found.append(Change(line["t"], line["kind"], line["type"], item))
    return tuple(found)


def exchanges(name: str) -> dict[str, Object]:
    """The exchanges of a file, by their names."""
    return {line["type"]: line["object"] for line in lines(name) if line["kind"] == "Exchange"}


def _merged(before: Object, change: Object) -> Object:
    parts = {}
    for part in ("metadata", "spec", "status"):
        both = {**before.get(part, {}), **change.get(part, {})}
        parts[part] = {key: value for key, value in both.items() if value is not None}
    return parts
