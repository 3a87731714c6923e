"""The keys inside the values of `options`. docker-py or the engine drops unknown ones without a word. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ..suggestions import closest


@attrs.frozen
class Keys:
    """The keys of a mapping, each with the shape of its value; None: any value.

    The engine ignores their case. docker-py reads some mappings itself: those are `exact`.
    """

    shapes: Mapping[str, Keys | None]
    exact: bool = False

    def find(self, key: object) -> str | None:
        """The known key that `key` means."""
        if self.exact or not isinstance(key, str):
            return key if isinstance(key, str) and key in self.shapes else None
        return next((name for name in self.shapes if name.lower() == key.lower()), None)

    def closest(self, key: object) -> str | None:
        """The known key that `key` may be a misspelling of."""
        return closest(key, self.shapes)


def _keys(names: str, **shapes: Keys) -> Keys:
    return Keys({**dict.fromkeys(names.split()), **shapes})


def _exact(names: str) -> Keys:
    return Keys(dict.fromkeys(names.split()), exact=True)


_MOUNT = _keys(
    "Target Source Type ReadOnly Consistency ClusterOptions",
    BindOptions=_keys("Propagation NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive"),
    VolumeOptions=_keys("NoCopy Labels Subpath", DriverConfig=_keys("Name Options")),
    ImageOptions=_keys("Subpath"),
    TmpfsOptions=_keys("SizeBytes Mode Options"),
)
_RATE = _keys("Path Rate")
_BINDING = _exact("HostIp HostPort")

_ONE = {
    "healthcheck": _exact("test Test interval Interval timeout Timeout retries Retries start_period StartPeriod"),
    "log_config": _exact("type Type config Config"),
}
"""Options that are a mapping."""

_MANY = {
    "blkio_weight_device": _keys("Path Weight"),
    "device_read_bps": _RATE,
    "device_read_iops": _RATE,
    "device_requests": _exact(
        "driver Driver count Count device_ids DeviceIDs capabilities Capabilities options Options"
    ),
    "device_write_bps": _RATE,
    "device_write_iops": _RATE,
    "devices": _keys("PathOnHost PathInContainer CgroupPermissions"),
    "mounts": _MOUNT,
    "ulimits": _exact("name Name soft Soft hard Hard"),
}
"""Options that are a list of mappings."""

_PORTS = ("port_bindings", "ports")
"""Options that map a port to one binding or several."""


def check(option: str, value: object) -> None:
    """ValueError, with the path, for a key in the value of an option that would be dropped."""
    path = f"options.{option}"
    if value is None:
        return
    if option in _ONE:
        _check_mapping(value, _ONE[option], path)
    elif option in _MANY:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{path} must be a list, not {type(value).__name__}")
        for position, one in enumerate(value):
            if not (option == "devices" and isinstance(one, str)):
                _check_mapping(one, _MANY[option], f"{path}[{position}]")
    elif option in _PORTS and isinstance(value, Mapping):
        for where, binding in _bindings(value, path):
            _check_binding(binding, where)


def _check_mapping(value: object, keys: Keys, path: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"{path} must be a mapping, not {type(value).__name__}")
    for key, inner in value.items():
        known = keys.find(key)
        if known is None:
            close = keys.closest(key)
            hint = f"did you mean {close!r}?" if close else f"known are {', '.join(keys.shapes)}"
            raise ValueError(f"{path}: {key!r} is not a key that the engine knows there: {hint}")
        shape = keys.shapes[known]
        if shape is not None and inner is not None:
            _check_mapping(inner, shape, f"{path}.{key}")


def _bindings(ports: Mapping[Any, object], path: str) -> Iterator[tuple[str, object]]:
    for port, bound in ports.items():
        where = f"{path}[{port!r}]"
        if isinstance(bound, list):
            yield from ((f"{where}[{position}]", one) for position, one in enumerate(bound))
        else:
            yield where, bound


def _check_binding(binding: object, path: str) -> None:
    if isinstance(binding, Mapping):
        _check_mapping(binding, _BINDING, path)
        if "HostPort" not in binding:
            raise ValueError(f"{path}: 'HostPort' is missing; None means a free port")
    elif isinstance(binding, tuple) and len(binding) not in (1, 2):
        raise ValueError(f"{path} must be (address, port), not {len(binding)} values")
