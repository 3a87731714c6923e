"""How engines word what happened, where only the text of a response shows it. Pure.

A new version of an engine may use other words: this table is the one place to add them. `tests/docker/words.jsonl` has
the responses of real engines to each situation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs


@attrs.frozen
class Words:
    """One situation. `patterns` are those of each engine, by its name and the first version that uses the words.

    Podman passes on the words of its runtime, runc or crun. All patterns are tried on the words of every engine.
    """

    patterns: Mapping[str, str]
    advice: str = ""

    def match(self, text: str) -> bool:
        return any(re.search(pattern, text, re.IGNORECASE | re.DOTALL) for pattern in self.patterns.values())


TAKEN_NAME = Words({"Docker": r"name .* already in use", "Podman": r"name .* already in use"})
MISSING_IMAGE = Words({"Docker": "no such image", "Podman": "image not known"})
MISSING_PLATFORM = Words(
    {
        "Docker": "does not match the specified platform",
        "Docker 29": "does not provide the specified platform",
    },
    "set the option platform to one that the image has, or use another image",
)
"""The engine has the image for another platform."""

STILL_RUNNING = Words(
    {
        "Docker": "cannot remove a (running|paused) container",
        "Docker 28": "container is (running|paused)",
        "Podman": "as it is (running|paused)",
    },
    "stop it before removing it",
)
BEING_REMOVED = Words(
    {"Docker": "removal of container .* already in progress", "Podman": "no container with ID .* found in database"}
)
CONNECTED = Words({"Docker": "already exists in network", "Podman": "already connected to network"})
"""A container is in the network already, or the network keeps the name of one that is gone."""

MISSING_PROGRAM = Words(
    {
        "Docker": r"exec: .*: (executable file not found|stat .*: no such file)",
        "Podman": "invoke a command that was not found",
    },
    "check the program's name, and the image's PATH",
)

REFUSED_STARTS = (
    MISSING_PROGRAM,
    Words(
        {
            "Docker": "exec: .*: permission denied",
            "Podman": "exec: .*: (permission denied|is a directory)",
            "Podman crun": "OCI permission denied",
        },
        "make the program an executable file (chmod +x) in the image",
    ),
    Words({"unrecorded": "exec format error"}, "use an image for the engine's processor, or the option platform"),
    MISSING_PLATFORM,
    Words({"Docker": "cannot parse platform", "Podman": "cannot parse platform"}, "check the option platform"),
    Words(
        {"Docker": "port is already allocated|address already in use", "Podman": "address already in use"},
        "stop what uses the port, or publish another one",
    ),
    Words(
        {"Docker": "cannot assign requested address", "Podman": "cannot assign requested address"},
        "publish the port on an address of the engine's machine",
    ),
    Words(
        {"Docker": "network .* not found", "Podman": "unable to find network with name"},
        "create the network (docker network create), or check its name",
    ),
    Words(
        {"Docker": "working directory .* is invalid", "Podman": "cwd must be an absolute path"},
        "give the run's working_dir as an absolute path",
    ),
    Words(
        {"Docker": "cannot mkdir: .* is not a directory", "Podman": "workdir .* is not a directory"},
        "check working_dir: it is a file in the image",
    ),
    Words(
        {
            "Docker": "bind source path does not exist|invalid mount config|mount path must be absolute",
            "Podman": "invalid container path|making volume mountpoint",
            "unrecorded": "mounts? denied",
        },
        "check volumes",
    ),
    Words(
        {"Docker": "duplicate mount point", "Podman": "duplicate mount destination"},
        "check volumes and the options mounts and tmpfs: each target may occur once",
    ),
    Words(
        {"Docker": "is not a (shared|shared or slave) mount"},
        "share the mount on the engine's machine (mount --make-rshared), or omit the option",
    ),
    Words(
        {
            "Docker": "error mounting .* not a directory",
            "Podman": "error mounting .* not a directory",
            "Podman crun": "mount `.*` to `.*`: not a directory",
        },
        "check volumes: one mounts a directory onto a file, or a file onto a directory",
    ),
    Words(
        {"Docker": "no matching entries in (passwd|group)", "Podman": "no matching entries in (passwd|group)"},
        "check user: the image must know it, or use its number",
    ),
    Words(
        {
            "Docker": "minimum memory(swap)? limit|range of cpus",
            "Podman": "minimum memoryswap limit|unable to set memory limit",
        },
        "check mem_limit and cpus",
    ),
    Words(
        {
            "Docker": "unknown runtime specified|could not select device driver",
            "Docker 28": "unknown or invalid runtime|unresolvable CDI devices",
            "Podman": "unresolvable CDI devices",
        },
        "check the options: the engine lacks one",
    ),
    Words(
        {"Docker": "error gathering device information", "Podman": "stat /dev/.*: no such file"},
        "check the option devices: the engine's machine has no such device",
    ),
    Words(
        {"Docker": "unknown capability", "Podman": "unknown capability"},
        "check the options cap_add and cap_drop",
    ),
    Words(
        {"Docker": "sysctl .* is not in a separate", "Podman": "sysctl .* is not allowed"},
        "check the option sysctls",
    ),
    Words(
        {"Docker": "error looking up logging plugin", "Podman": "invalid log driver"},
        "check the option log_config",
    ),
    Words({"Docker": "error looking up volume plugin"}, "check volumes and the option volume_driver"),
    Words(
        {
            "Docker": "sethostname: invalid argument",
            "Podman": "sethostname: invalid argument",
            "Podman crun": "sethostname: invalid argument",
        },
        "check the option hostname: it may have 64 characters",
    ),
    Words({"Docker": "invalid --security-opt", "Podman": "invalid --security-opt"}, "check the option security_opt"),
    Words({"unrecorded": "no space left"}, "free some space on the engine's disk (docker system prune)"),
)
"""Why a container cannot be created or started. The first that matches counts."""

REFUSED_PULLS = (
    Words(
        {
            "Docker": "no matching manifest for",
            "Docker 29": "no match for platform in manifest",
            "Podman": "no image found in (image index|manifest list) for architecture",
        },
        "the image has none for this platform: set the option platform, or use another image",
    ),
    Words(
        {
            "Docker": "unauthorized|denied|no basic auth",
            "Docker 29": "access denied|authorization failed|401 unauthorized|403 forbidden",
            "Podman": "unauthorized|denied|authentication required",
        },
        "check the name, and the login: registry_auth, or docker login",
    ),
    Words(
        {"Docker": "not found|manifest unknown", "Docker 29": ": not found", "Podman": "manifest unknown"},
        "check its name and its tag",
    ),
    Words({"unrecorded": "no space left"}, "free some space on the engine's disk (docker system prune)"),
    Words(
        {"Docker": "toomanyrequests", "Docker 29": "too many requests", "Podman": "toomanyrequests|too many requests"},
        "log in to the registry, or try again later",
    ),
    Words(
        {"Podman": "server gave HTTP response to HTTPS client"},  # Docker too, for hosts other than this one
        "the registry does not use TLS: list it in the engine's insecure registries",
    ),
    Words(
        {"unrecorded": "x509: |certificate"},
        "make the engine's machine trust the registry's certificate",
    ),
)
"""Why an image cannot be pulled. The first that matches counts."""


def advice_on(text: str, situations: Iterable[Words]) -> str:
    """The advice on the first situation that the text matches; empty if there is none."""
    return next((words.advice for words in situations if words.match(text)), "")
