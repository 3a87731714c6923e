"""The spec of a container, in docker-py's terms. Pure: plain values in, a plain dict out."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.backend import Spec
from ..core.names import candidates, slug
from ..models import ImagePullPolicy
from . import networks, options, references

PREFIX = "io.launchpad."
RUN_ID = PREFIX + "run-id"
RUN_NAME = PREFIX + "run-name"
VERSION = PREFIX + "version"
DEADLINE = PREFIX + "deadline"
"""The time (ISO 8601) at which the run's timeout ends. Set at the creation."""

ATTEMPT = PREFIX + "attempt"
"""Identifies one creation of a container among all, also those of the same run. Set at the creation."""

AUTO_REMOVE = PREFIX + "auto-remove"
"""Present if launchpad removes the container itself."""

MAX_NAME_LENGTH = 250
MASK = "***"

Environment = Mapping[str, str | None]


def build(
    *,
    name: str,
    image: str,
    command: Sequence[str],
    env: Environment,
    labels: Mapping[str, str],
    working_dir: str | None,
    user: str | None,
    volumes: Sequence[str],
    network_mode: str | None,
    connected: Sequence[str],
    gateway: bool,
    mem_limit: str | int | None,
    cpus: float | None,
    further: Mapping[str, Any],
    pull: Mapping[str, Any],
    auto_remove: bool,
) -> Spec:
    """The spec of a container. `connected` are the networks beside that of `network_mode`.

    `create` and `host` are the arguments of docker-py's create_container and create_host_config; the other keys are
    launchpad's. A variable that is None is removed from the image's environment.
    """
    create, host = options.split(further)
    create |= {
        "name": name,
        "image": image,
        "command": list(command),
        "environment": dict(env),
        "labels": dict(labels) | ({AUTO_REMOVE: "true"} if auto_remove else {}),
        "working_dir": working_dir,
        "user": user,
    }
    host |= {
        "binds": list(volumes) or None,
        "network_mode": network_mode,
        "mem_limit": mem_limit,
        "nano_cpus": None if cpus is None else round(cpus * 1e9),
    }
    if gateway:
        host["extra_hosts"] = _with_gateway(host.get("extra_hosts"))
    return {
        "create": _without_unset(create),
        "host": _without_unset(host),
        "networks": list(connected),
        "pull": dict(pull),
        "auto_remove": auto_remove,
    }


def container_names(name: str, run_id: str) -> Iterator[str]:
    """The names to try for a run's container: at least two characters, the first a letter or digit."""
    base = _slug(name) or _slug(run_id) or "run"
    yield from candidates(base if len(base) > 1 else f"run-{base}", MAX_NAME_LENGTH)


def network(
    mode: str | None, connected: Sequence[str], urls: Mapping[str, str], *, linux: bool
) -> tuple[str | None, dict[str, str], bool]:
    """The network mode, the URLs for the container, and whether it gets an address for the gateway."""
    if mode is None:
        mode = connected[0] if connected else networks.inferred_mode(urls, linux=linux)
    if not networks.has_gateway(mode):
        return mode, dict(urls), False
    return mode, {name: networks.through_gateway(url) for name, url in urls.items()}, linux


def pull_of(image: str, policy: ImagePullPolicy | None, auth: Mapping[str, str] | None) -> dict[str, Any]:
    """The policy and the login for pulling the image."""
    policy = policy or references.default_policy(references.parse(image))
    return {"policy": policy.value, "auth": None if auth is None else dict(auth)}


def render(spec: Spec, reveal: bool) -> str:
    """The spec as JSON. Without `reveal`, the values of the environment and the login are masked."""
    shown = copy.deepcopy(spec)
    if not reveal:
        secrets = [shown["create"]["environment"], shown["pull"]["auth"] or {}]
        for values in secrets:
            values.update({key: MASK for key, value in values.items() if value is not None})
    return json.dumps(shown, indent=2, ensure_ascii=False, default=str)


def _slug(text: str) -> str:
    return slug(text, allowed="a-zA-Z0-9_.-", longest=MAX_NAME_LENGTH, trailing="")


def _without_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _with_gateway(hosts: Any) -> Any:
    """The user's hosts, and the gateway unless it is among them."""
    if isinstance(hosts, list | tuple):
        named = any(str(host).startswith(f"{networks.GATEWAY}:") for host in hosts)
        return [*hosts, *([] if named else [f"{networks.GATEWAY}:host-gateway"])]
    return {networks.GATEWAY: "host-gateway", **(hosts or {})}
