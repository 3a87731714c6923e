"""The keys inside the values of DockerLauncher.options. Without an engine."""

from __future__ import annotations

from typing import Any

import pytest
from docker.types import (
    DeviceRequest,
    DriverConfig,
    Healthcheck,
    HostConfig,
    LogConfig,
    Mount,
    Ulimit,
)

from launchpad import DockerLauncher, Launcher, Run

MOUNT = {"type": "bind", "source": "/a", "target": "/b"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mounts": [{**MOUNT, "read_only": True}]}, r"options.mounts\[0\]: 'read_only' .* mean 'ReadOnly'"),
        ({"mounts": [MOUNT, {**MOUNT, "bind": {}}]}, r"options.mounts\[1\]: 'bind' .* mean 'BindOptions'"),
        ({"mounts": [{**MOUNT, "dst": "/b"}]}, "'dst' is not a key .* known are Target, Source"),
        ({"mounts": [{**MOUNT, "BindOptions": {"propagate": "x"}}]}, "BindOptions: 'propagate' .* mean 'Propagation'"),
        ({"mounts": [{"VolumeOptions": {"no_copy": True}}]}, "VolumeOptions: 'no_copy' .* mean 'NoCopy'"),
        ({"mounts": [{"VolumeOptions": {"DriverConfig": {"Nam": "x"}}}]}, "DriverConfig: 'Nam' .* 'Name'"),
        ({"mounts": [{"TmpfsOptions": {"size": 1}}]}, "TmpfsOptions: 'size' .* mean 'SizeBytes'"),
        ({"mounts": [{1: 2}]}, "1 is not a key"),
        ({"mounts": MOUNT}, "options.mounts must be a list, not dict"),
        ({"mounts": ["/a:/b"]}, r"options.mounts\[0\] must be a mapping, not str"),
        ({"healthcheck": {"tests": ["CMD", "a"]}}, "options.healthcheck: 'tests' .* mean 'test'"),
        ({"healthcheck": {"StartInterval": 1}}, "'StartInterval' is not a key"),
        ({"healthcheck": {"TEST": "a"}}, "'TEST' is not a key .* mean"),
        ({"log_config": {"driver": "local"}}, "options.log_config: 'driver' is not a key .* known are type"),
        ({"log_config": {"type": "local", "options": {}}}, "'options' is not a key"),
        ({"ulimits": [{"name": "nofile", "max": 1}]}, r"options.ulimits\[0\]: 'max' is not a key"),
        ({"device_requests": [{"DeviceIds": ["0"]}]}, "'DeviceIds' .* mean 'device_ids'"),
        ({"devices": ["/dev/a", {"PathOnHost": "/dev/a", "Permissions": "r"}]}, r"devices\[1\]: 'Permissions' is not"),
        ({"blkio_weight_device": [{"Path": "/dev/a", "Weigth": 1}]}, "mean 'Weight'"),
        ({"device_write_iops": [{"path": "/dev/a", "rates": 1}]}, "mean 'Rate'"),
        ({"ports": {"80": {"HostPort": 1, "HostIP": "127.0.0.1"}}}, r"options.ports\['80'\]: 'HostIP' .* 'HostIp'"),
        ({"port_bindings": {80: [1, {"HostIp": "127.0.0.1"}]}}, r"port_bindings\[80\]\[1\]: 'HostPort' is missing"),
        ({"ports": {80: ("127.0.0.1", 80, "tcp")}}, r"options.ports\[80\] must be \(address, port\)"),
        ({"restart_policy": {"Name": "on-failure"}}, "'restart_policy' cannot be used"),
        ({"restart_policy": "always"}, "'restart_policy' cannot be used"),
    ],
)  # fmt: skip
def test_a_nested_key_that_would_be_dropped_is_an_error_with_its_path(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DockerLauncher(options=options)


@pytest.mark.parametrize(
    "options",
    [
        {"mounts": [Mount("/b", "/a", "bind", read_only=True, propagation="rslave", consistency="cached")]},
        {"mounts": [Mount("/b", "v", no_copy=True, labels={"a": "b"}, driver_config=DriverConfig("d", {"o": "p"}))]},
        {"mounts": [{"Target": "/b", "Source": "v", "Type": "volume", "VolumeOptions": {"Subpath": "x"}}]},
        {"mounts": [Mount("/t", None, "tmpfs", tmpfs_size="1m", tmpfs_mode=0o777)]},
        {"mounts": ({**MOUNT, "readonly": True, "bindoptions": {"CreateMountpoint": True}},)},
        {"mounts": [{"VolumeOptions": None}]},
        {"mounts": None},
        {"healthcheck": Healthcheck(test="true", interval=1, timeout=1, retries=1, start_period=1)},
        {"healthcheck": {"test": "true", "start_period": 1}},
        {"log_config": LogConfig(type="json-file", config={"max-size": "1m"})},
        {"log_config": {"Type": "json-file", "Config": {"max-size": "1m"}}},
        {"ulimits": [Ulimit(name="nofile", soft=1, hard=2), {"Name": "core", "Soft": 0, "Hard": 0}]},
        {"device_requests": [DeviceRequest(count=-1, capabilities=[["gpu"]]), {"device_ids": ["0"], "driver": "x"}]},
        {"devices": ["/dev/a:/dev/b:r", {"pathonhost": "/dev/a", "PathInContainer": "/b", "CgroupPermissions": "r"}]},
        {"device_read_bps": [{"Path": "/dev/a", "Rate": 1}]},
        {"ports": {"80/tcp": [8080, ("127.0.0.1",), ("127.0.0.1", 81), {"HostPort": None, "HostIp": ""}], 81: None}},
        {"ports": [80, (53, "udp")], "tmpfs": {"/t": "size=1m"}, "sysctls": {"a": 1}, "extra_hosts": {"a": "b"}},
        {"storage_opt": {"size": "1G"}, "links": {"a": "b"}, "restart_policy": {"Name": "no"}},
    ],
)  # fmt: skip
def test_valid_nested_keys_are_accepted_and_sent(options: dict[str, Any]) -> None:
    launcher = DockerLauncher(image="a:1", options=options)
    host = launcher.spec(Run(command=["true"]), "name")["host"]
    assert "restart_policy" not in host
    HostConfig("1.43", **host)


def test_objects_of_docker_py_survive_the_settings() -> None:
    launcher = DockerLauncher(options={"mounts": [Mount("/b", "/a", "bind")], "ulimits": [Ulimit(name="core", soft=0)]})
    assert Launcher.from_settings(launcher.to_settings()) == launcher
