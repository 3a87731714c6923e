"""The identity of an item of a batch: a hash of what its run says. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import attrs

from ..models import Run

if TYPE_CHECKING:
    from ..launcher import Launcher

KEY_SIZE = 16
"""Bytes of a key."""


class Keys:
    """Gives the keys of the items of one batch, in their order. Not thread-safe.

    A key is a hash, salted by the journal, of the fields of the run but its id, of the settings that are its own, and
    of how many equal items came before it. No value of the environment and no parameter can be read from it.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._seen: Counter[bytes] = Counter()

    def next_of(self, run: Run, settings: Mapping[str, object] = {}) -> bytes:
        """The key of the next item, which `run` and `settings` describe."""
        content = self._hash(_content(run, settings))
        occurrence = self._seen[content]
        self._seen[content] += 1
        return self._hash(content + occurrence.to_bytes(8, "big"))

    def _hash(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=KEY_SIZE, key=self._salt).digest()


def own_settings(launcher: Launcher, base: Launcher) -> dict[str, object]:
    """The settings of a launcher, for one run, that are not those of the batch's launcher."""
    if launcher is base:
        return {}
    fields: tuple[attrs.Attribute[object], ...] = attrs.fields(type(launcher))
    given = {field.name: getattr(launcher, field.name) for field in fields if field.init}
    if type(launcher) is not type(base):
        return {"type": launcher.type, **given}
    return {name: value for name, value in given.items() if value != getattr(base, name)}


def _content(run: Run, settings: Mapping[str, object]) -> bytes:
    """The fields that are set: a field that a later version of launchpad adds does not change other items."""
    fields = {name: value for name in _FIELDS if (value := getattr(run, name)) is not None and value != {}}
    if fields["name"] == run.id:  # the default of an empty name
        del fields["name"]
    if settings:
        fields["settings"] = settings
    return json.dumps(fields, sort_keys=True, default=_plain).encode()


def _plain(value: object) -> Any:
    return {"bytes": value.hex()} if isinstance(value, bytes) else str(value)


_FIELDS = [field.name for field in attrs.fields(Run) if field.name != "id"]
