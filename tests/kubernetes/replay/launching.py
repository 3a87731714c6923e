"""Launches one run on a replayed situation, by the real launcher and backend over a socket."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import attrs

from launchpad import KubernetesLauncher, LaunchError, Outcome, Run
from launchpad.kubernetes.backend import KubernetesBackend

from .clock import ReplayClock, WaitsForEver
from .server import ReplayServer
from .world import World


class Result(NamedTuple):
    """What becomes of a run: the reason, exit code and message of its outcome, or the class and text of an error."""

    reason: str
    exit_code: int | None
    message: str


@attrs.frozen(kw_only=True)
class ReplayLauncher(KubernetesLauncher):
    """A launcher on a replaying server. `world` is its namespace there."""

    world: Any = attrs.field(eq=False)
    server: Any = attrs.field(eq=False)

    def connect(self) -> KubernetesBackend:
        configuration = types.SimpleNamespace(host=self.server.url, proxy=None, auth_settings=dict)
        clock = ReplayClock(self.world)
        return KubernetesBackend(lambda: configuration, self.namespace or "", self.pod_watch_timeout, clock)

    def names(self, run: Run) -> Iterator[str]:
        yield self.world.name


def launch(server: ReplayServer, world: World, key: str, settings: Mapping[str, Any] = {}, **callbacks: Any) -> Outcome:
    """Launches a run in a namespace that is this world, and is named after `key`. `settings` are the launcher's."""
    namespace = re.sub(r"[^a-z0-9]", "-", key)
    server.worlds[namespace], world.namespace = world, namespace
    output = "on_output" in callbacks
    launcher = ReplayLauncher(
        image="x", namespace=namespace, stream_output=output, server=server, world=world, **settings
    )
    with closing(world), closing(launcher):
        return launcher.launch(Run(command=["true"], name="job"), **callbacks)


def replayed(server: ReplayServer, world: World, key: str, **settings: Any) -> Result:
    try:
        outcome = launch(server, world, key, settings)
    except (WaitsForEver, KeyboardInterrupt, LaunchError) as error:
        return Result(type(error).__name__, None, str(error))
    return Result(str(outcome.reason), outcome.exit_code, outcome.message)
