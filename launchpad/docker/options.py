"""`options`: further keys of the engine's create call, by docker-py's names. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..limits import check_size, shown
from ..schema import JSON, TEXT, Schema
from ..suggestions import did_you_mean
from . import nested

_CREATE = """
    domainname entrypoint healthcheck hostname mac_address network_disabled platform ports stdin_open stop_signal
    stop_timeout tty use_config_proxy
"""
CREATE = frozenset(_CREATE.split())
"""Keys of the create call itself."""

_HOST = """
    blkio_weight blkio_weight_device cap_add cap_drop cgroup_parent cgroupns cpu_count cpu_percent cpu_period
    cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpuset_cpus cpuset_mems device_cgroup_rules device_read_bps
    device_read_iops device_requests device_write_bps device_write_iops devices dns dns_opt dns_search extra_hosts
    group_add init init_path ipc_mode isolation kernel_memory links log_config lxc_conf mem_reservation mem_swappiness
    memswap_limit mounts oom_kill_disable oom_score_adj pid_mode pids_limit port_bindings privileged publish_all_ports
    read_only runtime security_opt shm_size storage_opt sysctls tmpfs ulimits userns_mode uts_mode volume_driver
    volumes_from
"""
HOST = frozenset(_HOST.split())
"""Keys of its host config."""

_TEXTS = """
    cap_add cap_drop cgroup_parent cgroupns cpuset_cpus cpuset_mems device_cgroup_rules devices dns dns_opt dns_search
    domainname entrypoint extra_hosts group_add hostname init_path ipc_mode isolation links mac_address pid_mode
    platform runtime security_opt stop_signal storage_opt sysctls tmpfs userns_mode uts_mode volume_driver volumes_from
"""
_SIZES = "kernel_memory mem_reservation memswap_limit port_bindings ports shm_size"
SCHEMA: Schema = {
    **dict.fromkeys(_TEXTS.split(), TEXT),
    **dict.fromkeys(_SIZES.split(), JSON),
    "device_requests": [{"Capabilities": TEXT, "DeviceIDs": TEXT, "Driver": TEXT, "Options": TEXT}],
    "healthcheck": {"test": TEXT, "Test": TEXT},
    "log_config": TEXT,
    "mounts": [dict.fromkeys(("Source", "Target", "Type", "Consistency"), TEXT)],
    "restart_policy": {"Name": TEXT},
}
"""Which of the values are text in a YAML file."""

_COVERED = {
    "auto_remove": "the field auto_remove",
    "binds": "the field volumes",
    "command": "the run's command",
    "environment": "the field env",
    "image": "the field image",
    "labels": "the field labels",
    "mem_limit": "the field mem_limit",
    "name": "the run's name",
    "nano_cpus": "the field cpus",
    "network": "the field networks",
    "network_mode": "the field network_mode",
    "networking_config": "the field networks",
    "user": "the field user",
    "volumes": "the field volumes",
    "working_dir": "the run's working_dir",
}

_REFUSED = {
    "detach": "launchpad follows all containers",
    "host_config": "give its keys beside the others",
    "restart_policy": "a run ends when its container ends: launch it again instead",
}

ELSEWHERE = {
    **{key: f"use options={{{key!r}: …}}" for key in sorted(CREATE | HOST)},
    **{key: f"use {other}" for key, other in _COVERED.items()},
}
"""What to use instead of an argument of docker-py that is no field of a launcher."""


def checked(options: Mapping[str, object]) -> dict[str, Any]:
    """A copy of `options`. ValueError for a key at any depth that is unknown, or that another setting covers."""
    if not isinstance(options, Mapping):
        raise ValueError(f"options must be a mapping, not {type(options).__name__}")
    check_size(options, "options")
    for key, value in options.items():
        if key == "restart_policy" and _is_never(value):
            continue
        if key in _COVERED:
            raise ValueError(f"options: {key!r} is set by {_COVERED[key]}: use that")
        if key in _REFUSED:
            raise ValueError(f"options: {key!r} cannot be used: {_REFUSED[key]}")
        if key not in CREATE | HOST:
            near = did_you_mean(key, sorted(CREATE | HOST | _COVERED.keys()))
            raise ValueError(f"options: {shown(key)} is not a key of the engine's create call{near}")
        nested.check(key, value)
    return copy.deepcopy(dict(options))


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The keys of the create call, and those of the host config.

    `ports` may be a mapping of ports in the container to ports of the host, which are published.
    """
    create = {key: value for key, value in copy.deepcopy(dict(options)).items() if key in CREATE}
    host = {key: value for key, value in copy.deepcopy(dict(options)).items() if key in HOST}
    if isinstance(ports := create.get("ports"), Mapping):
        host["port_bindings"] = {**ports, **host.get("port_bindings", {})}
        create["ports"] = [_port(port) for port in sorted(ports, key=str)]
    return create, host


def _is_never(policy: object) -> bool:
    """Whether a restart policy is the engine's default, which is not sent: a container is not started again."""
    return policy is None or (isinstance(policy, Mapping) and policy.get("Name", "") in ("no", "", False))


def _port(port: object) -> tuple[str, str]:
    number, _, protocol = str(port).partition("/")
    return number, protocol or "tcp"
