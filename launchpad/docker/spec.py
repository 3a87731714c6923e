"""What a container is created with. Pure: plain values in, a plain dict out, in docker-py's words."""

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
"""Set when a container is created: when (ISO 8601) its run's time-out will have passed."""

ATTEMPT = PREFIX + "attempt"
"""Set when a container is created: tells this creation from all others, of the same run too."""

AUTO_REMOVE = PREFIX + "auto-remove"
"""There where the container is removed by who learns of its end."""

LONGEST_NAME = 250
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
    """The spec of a container. `connected` are networks beside the one that `network_mode` names.

    `create` and `host` are the arguments of docker-py's create_container and create_host_config; the rest says what
    else is done. A variable that is None is removed from the image's environment.
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
    """The names to try for a run's container: of at least two characters, the first a letter or a digit."""
    base = _slug(name) or _slug(run_id) or "run"
    yield from candidates(base if len(base) > 1 else f"run-{base}", LONGEST_NAME)


def network(
    mode: str | None, connected: Sequence[str], urls: Mapping[str, str], *, linux: bool
) -> tuple[str | None, dict[str, str], bool]:
    """The network mode, the URLs as the container sees them, and whether it gets an address for the gateway."""
    if mode is None:
        mode = connected[0] if connected else networks.inferred_mode(urls, linux=linux)
    if not networks.has_gateway(mode):
        return mode, dict(urls), False
    return mode, {name: networks.through_gateway(url) for name, url in urls.items()}, linux


def pull_of(image: str, policy: ImagePullPolicy | None, auth: Mapping[str, str] | None) -> dict[str, Any]:
    """When the image is pulled, and by which login."""
    policy = policy or references.default_policy(references.parse(image))
    return {"policy": policy.value, "auth": None if auth is None else dict(auth)}


def render(spec: Spec, reveal: bool) -> str:
    """The spec as JSON; without `reveal`, the values of the environment and of the login are masked."""
    shown = copy.deepcopy(spec)
    if not reveal:
        secrets = [shown["create"]["environment"], shown["pull"]["auth"] or {}]
        for values in secrets:
            values.update({key: MASK for key, value in values.items() if value is not None})
    return json.dumps(shown, indent=2, ensure_ascii=False, default=str)


def _slug(text: str) -> str:
    return slug(text, allowed="a-zA-Z0-9_.-", longest=LONGEST_NAME, trailing="")


def _without_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _with_gateway(hosts: Any) -> Any:
    """The user's own hosts, and one for the gateway unless they name it themselves."""
    if isinstance(hosts, list | tuple):
        named = any(str(host).startswith(f"{networks.GATEWAY}:") for host in hosts)
        return [*hosts, *([] if named else [f"{networks.GATEWAY}:host-gateway"])]
    return {networks.GATEWAY: "host-gateway", **(hosts or {})}
