"""`DockerLauncher`: runs as containers of a Docker Engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from ..converters import labels, masked
from ..core.backend import Spec
from ..entrypoints import parameters_environment, portable_command, result_environment
from ..environment import API_URL, base_run_environment, image_for
from ..errors import EngineUnavailable
from ..launcher import Launcher, register_launcher
from ..models import ImagePullPolicy, Run
from ..results import MAX_REPORT
from ..schema import KEY, PATH
from ..secret import SecretMapping, constructor_hides_arguments, hidden
from ..settings import names_settings
from ..stdin import hidden_stdin
from ..variables import attempt_of, identity
from . import converters as fields
from . import options, volumes
from . import spec as specs
from .options import ELSEWHERE

if TYPE_CHECKING:
    from .backend import DockerBackend


@register_launcher
@constructor_hides_arguments
@names_settings
@attrs.frozen(kw_only=True)
class DockerLauncher(Launcher):
    """Launches each run as a container.

    `image` defaults to LAUNCHPAD_IMAGE, and for entrypoints to `python:X.Y-slim`. It is pulled as `image_pull_policy`
    says: by default always if its tag is missing or `latest`, else only if it is absent. `registry_auth` is a mapping
    of `username` and `password`; without it, the login comes from docker's config file and its credential helpers.

    Only one of `networks` and `network_mode` may be set. The variables in `forward_urls` that are set in this process
    are passed on; a loopback host in them is replaced by one that the container can reach.

    `volumes` are `source:target[:options]` or a target alone, with docker's options (ro, z, …). `mem_limit` is in bytes
    or like "512m". `options` are further keys of docker-py's create call, such as `shm_size`, `cap_add` or `ports`.

    An ended container is kept for inspection, unless `auto_remove` is set. The engine is the one that the `docker`
    command would use: DOCKER_HOST, DOCKER_CONTEXT, the current context.
    """

    type: ClassVar[str] = "docker"
    connects_by: ClassVar[tuple[str, ...]] = ()
    instead_of_stdin: ClassVar[str | None] = None

    image: str | None = attrs.field(default=None, converter=fields.image)
    image_pull_policy: ImagePullPolicy | None = attrs.field(default=None, converter=fields.pull_policy)
    networks: list[str] = attrs.field(factory=list, converter=fields.networks)
    network_mode: str | None = attrs.field(default=None, converter=fields.network_mode)
    labels: dict[str, str] = attrs.field(factory=dict, converter=labels)
    auto_remove: bool = attrs.field(default=False, converter=fields.auto_remove)
    volumes: list[str] = attrs.field(factory=list, converter=fields.volumes, metadata={PATH: volumes.absolute})
    mem_limit: str | int | None = attrs.field(default=None, converter=fields.mem_limit)
    cpus: float | None = attrs.field(default=None, converter=fields.cpus)
    user: str | None = attrs.field(default=None, converter=fields.user)
    registry_auth: dict[str, str] | None = attrs.field(default=None, converter=fields.registry_auth, repr=masked)
    forward_urls: tuple[str, ...] = attrs.field(default=(API_URL,), converter=fields.forward_urls)
    options: dict[str, Any] = attrs.field(factory=dict, converter=options.checked, metadata={KEY: options.SCHEMA})

    elsewhere: ClassVar[Mapping[str, str]] = ELSEWHERE

    def __attrs_post_init__(self) -> None:
        if self.networks and self.network_mode is not None:
            raise ValueError("networks and network_mode are both set: a container is connected by only one of them")

    def spec(self, run: Run, name: str) -> Spec:
        image = image_for(run, self.image)
        generated = {
            **parameters_environment(run.entrypoint, run.parameters),
            **result_environment(run.entrypoint, MAX_REPORT, *specs.result_paths(run.id, name, self.user)),
        }
        own = {**generated, **hidden(self.env), **hidden(run.env)}
        mode, urls, gateway = specs.network(
            self.network_mode, self.networks, self._forwarded(own), linux=sys.platform == "linux"
        )
        create = {
            "name": name,
            "image": image,
            "command": list(run.command or portable_command(run.entrypoint)),
            "environment": {**hidden({**base_run_environment(), **urls}), **own, **identity(run.id, run.env)},
            "labels": {**self.labels, **run.labels, **self._own_labels(run)},
            "working_dir": run.working_dir,
            "user": self.user,
            "volumes": volumes.anonymous(self.volumes) or None,
        }
        host = {
            "binds": volumes.binds(self.volumes) or None,
            "network_mode": mode,
            "mem_limit": self.mem_limit,
            "nano_cpus": None if self.cpus is None else round(self.cpus * 1e9),
        }
        spec = specs.build(
            create,
            host,
            self.options,
            networks=self.networks[1:],
            gateway=gateway,
            pull=specs.pull_of(image, self.image_pull_policy, hidden(self.registry_auth)),
            auto_remove=self.auto_remove,
            stdin=hidden_stdin(run.stdin),
        )
        return self._unbuffered(spec, run, self.stream_output)

    def _set_default(self, spec: Spec, variable: str, value: str) -> None:
        spec["create"]["environment"].setdefault(variable, value)

    def _forwarded(self, own: Mapping[str, str | None]) -> dict[str, str]:
        """The URLs to pass on; those that the user set are not changed."""
        return {name: os.environ[name] for name in self.forward_urls if name in os.environ and name not in own}

    def _own_labels(self, run: Run) -> dict[str, str]:
        from ..version import __version__

        return {
            specs.RUN_ID: run.id,
            specs.RUN_NAME: run.name,
            specs.ATTEMPT: attempt_of(run.env),
            specs.VERSION: __version__,
        }

    def connect(self) -> DockerBackend:
        """Opens a connection to the engine, which the caller closes. EngineUnavailable."""
        try:
            from .backend import DockerBackend
        except ImportError as error:
            raise EngineUnavailable(
                f"The package docker cannot be imported ({error}): pip install 'launchpad-runs[docker]'"
            ) from error
        return DockerBackend.connect(SecretMapping(os.environ))

    def engine_key(self) -> Hashable:
        from .config import connection_key  # takes 5 ms to import

        return connection_key(SecretMapping(os.environ))

    def names(self, run: Run) -> Iterator[str]:
        return specs.container_names(run.name, run.id, attempt_of(run.env))

    def render(self, spec: Spec, *, reveal: bool) -> str:
        return specs.render(spec, reveal)
