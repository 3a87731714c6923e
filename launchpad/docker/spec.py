"""The spec of a container, in docker-py's terms. Pure: plain values in, a plain dict out."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..core.backend import Spec
from ..core.names import candidates, of_attempt, slug
from ..errors import LaunchError
from ..models import ImagePullPolicy
from ..secret import MASK, Secret
from ..stdin import StandardInput, shown_stdin
from ..text import in_json
from ..variables import ATTEMPT_LABEL, IDENTITY
from . import options, references
from .networks import GATEWAY, has_gateway, inferred_mode, through_gateway

PREFIX = "io.launchpad."
RUN_ID = PREFIX + "run-id"
RUN_NAME = PREFIX + "run-name"
VERSION = PREFIX + "version"
DEADLINE = PREFIX + "deadline"
"""The time (ISO 8601) at which the run's timeout ends. Set at the creation."""

STARTER = PREFIX + "starter"
"""The process that launched the run. Set at the creation."""

ATTEMPT = ATTEMPT_LABEL
"""The number of the attempt."""

CREATION = PREFIX + "creation"
"""Identifies one creation of a container among all, also those of the same run. Set at the creation."""

AUTO_REMOVE = PREFIX + "auto-remove"
"""Present if launchpad removes the container itself."""

MAX_NAME_LENGTH = 250


def build(
    create: dict[str, Any],
    host: dict[str, Any],
    further: Mapping[str, Any],
    *,
    networks: Sequence[str],
    gateway: bool,
    pull: Mapping[str, Any],
    auto_remove: bool,
    stdin: StandardInput = None,
) -> Spec:
    """The spec of a container that reads `stdin`.

    `networks` are those beside the one of `network_mode`, `further` the user's options.

    `create` and `host` are arguments of docker-py's create_container and create_host_config, left out if None. The
    other keys of the spec are launchpad's. A variable that is None is removed from the image's environment.
    """
    more_create, more_host = options.split(further)
    create, host = more_create | _utf8(create, ""), more_host | _utf8(host, "")
    if stdin is not None:
        if create.get("tty"):
            raise LaunchError(
                "A container with a terminal does not see the end of its input: leave out the option tty."
            )
        create["stdin_open"] = True
    if auto_remove:
        create["labels"] = create["labels"] | {AUTO_REMOVE: "true"}
    if gateway:
        host["extra_hosts"] = _with_gateway(host.get("extra_hosts"))
    return {
        "create": _without_unset(create),
        "host": _without_unset(host),
        "networks": list(networks),
        "pull": dict(pull),
        "auto_remove": auto_remove,
        **({} if stdin is None else {"stdin": stdin}),
    }


def container_names(name: str, run_id: str, attempt: str = "1") -> Iterator[str]:
    """The names to try for a run's container: at least two characters, the first a letter or digit."""
    base = _slug(name) or _slug(run_id) or "run"
    base = base if len(base) > 1 else f"run-{base}"
    yield from candidates(of_attempt(base, attempt, MAX_NAME_LENGTH), MAX_NAME_LENGTH)


def network(
    mode: str | None, connected: Sequence[str], urls: Mapping[str, str], *, linux: bool
) -> tuple[str | None, dict[str, str], bool]:
    """The network mode, the URLs for the container, and whether it gets an address for the gateway."""
    if mode is None:
        mode = connected[0] if connected else inferred_mode(urls, linux=linux)
    if not has_gateway(mode):
        return mode, dict(urls), False
    return mode, {name: through_gateway(url) for name, url in urls.items()}, linux


def result_paths(run_id: str, name: str, user: str | None) -> tuple[str, str]:
    """Where a run may write its result, in the order to try: only root may write to the root directory.

    The names are those of this container alone, since a volume may be in place of `/tmp`.
    """
    file = f".launchpad-{hashlib.sha256(f'{run_id} {name}'.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    paths = (f"/{file}", f"/tmp/{file}")
    return paths if user is None or user.partition(":")[0] in ("0", "root") else (paths[1], paths[0])


def pull_of(image: str, policy: ImagePullPolicy | None, auth: Mapping[str, str] | None) -> dict[str, Any]:
    """The policy and the login for pulling the image. An image id is never pulled."""
    policy = policy or references.default_policy(references.parse(image))
    if references.is_id(image):
        policy = ImagePullPolicy.NEVER
    return {"policy": policy.value, "auth": None if auth is None else dict(auth)}


def render(spec: Spec, reveal: bool) -> str:
    """The spec as JSON. Without `reveal`, the values of the environment, the login and the input are masked."""
    shown = copy.deepcopy(spec)
    if "stdin" in spec:
        shown["stdin"] = shown_stdin(spec["stdin"], reveal)
    if not reveal:
        secrets = [shown["create"]["environment"], shown["pull"]["auth"] or {}]
        for values in secrets:
            values.update({key: MASK for key, value in values.items() if value is not None and key not in IDENTITY})
    return in_json(json.dumps(shown, indent=2, ensure_ascii=False, default=str))


def _slug(text: str) -> str:
    return slug(text, allowed="a-zA-Z0-9_.-", longest=MAX_NAME_LENGTH, trailing="")


def _utf8(value: Any, path: str) -> Any:
    """`value` with all text in it as UTF-8 holds it: requests are JSON. LaunchError for bytes that are not UTF-8.

    Python escapes the bytes of words that the locale cannot decode. They may be UTF-8 all the same.
    """
    if isinstance(value, str) and not value.isascii():
        try:
            decoded = value.encode("utf-8", "surrogateescape").decode()
            return Secret(decoded) if isinstance(value, Secret) else decoded
        except UnicodeDecodeError:
            raise LaunchError(
                f"{path} has bytes that are not UTF-8, which Docker cannot pass on: rename or recode it."
            ) from None
    if isinstance(value, dict):
        return {
            _utf8(key, f"A name in {path}"): _utf8(one, f"{path}.{key}" if path else key) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_utf8(one, f"{path}[{position}]") for position, one in enumerate(value)]
    return value


def _without_unset(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _with_gateway(hosts: Any) -> Any:
    """The user's hosts, and the gateway unless it is among them."""
    if isinstance(hosts, list | tuple):
        named = any(str(host).startswith(f"{GATEWAY}:") for host in hosts)
        return [*hosts, *([] if named else [f"{GATEWAY}:host-gateway"])]
    return {GATEWAY: "host-gateway", **(hosts or {})}
