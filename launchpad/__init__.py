"""Launch commands and functions as local processes, Docker containers or Kubernetes Jobs, and know how they ended."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .calls import RunFailed
from .core.backend import Backend, Chunk, Exit, Unit
from .core.cancellation import StopToken
from .errors import (
    EngineUnavailable,
    ImagePullError,
    LaunchError,
    NameConflict,
    RunNotAvailable,
    RunNotFound,
)
from .executor import LaunchExecutor
from .future import LaunchFuture
from .launcher import Launcher, lookup_launcher, register_launcher
from .models import Handle, ImagePullPolicy, Listed, Outcome, Reason, RestartPolicy, Run
from .results import RunError
from .retry import Retry
from .run_events import RunEvent, on_event

if TYPE_CHECKING:
    from .deployment import Deployment
    from .docker import DockerLauncher
    from .environment import base_run_environment, get_image_name
    from .health import Health
    from .journal import Journal
    from .kubernetes import KubernetesLauncher
    from .live.progress import progress
    from .live.table import table
    from .settings import LauncherSettings
    from .signals import stop_on_sigterm
    from .subprocess import SubprocessLauncher
    from .universal import UniversalLauncher
    from .version import __version__

__all__ = [
    "Backend",
    "Chunk",
    "Deployment",
    "DockerLauncher",
    "EngineUnavailable",
    "Exit",
    "Handle",
    "Health",
    "ImagePullError",
    "ImagePullPolicy",
    "Journal",
    "KubernetesLauncher",
    "LaunchError",
    "LaunchExecutor",
    "LaunchFuture",
    "Launcher",
    "LauncherSettings",
    "Listed",
    "NameConflict",
    "Outcome",
    "Reason",
    "RestartPolicy",
    "Retry",
    "Run",
    "RunError",
    "RunEvent",
    "RunFailed",
    "RunNotAvailable",
    "RunNotFound",
    "StopToken",
    "SubprocessLauncher",
    "Unit",
    "UniversalLauncher",
    "__version__",
    "base_run_environment",
    "get_image_name",
    "lookup_launcher",
    "on_event",
    "progress",
    "register_launcher",
    "stop_on_sigterm",
    "table",
]

_ON_FIRST_USE = {
    "Deployment": ".deployment",
    "DockerLauncher": ".docker",
    "Health": ".health",
    "Journal": ".journal",
    "KubernetesLauncher": ".kubernetes",
    "LauncherSettings": ".settings",
    "SubprocessLauncher": ".subprocess",
    "UniversalLauncher": ".universal",
    "__version__": ".version",
    "base_run_environment": ".environment",
    "get_image_name": ".environment",
    "progress": ".live.progress",
    "stop_on_sigterm": ".signals",
    "table": ".live.table",
}
"""Public names that are imported on first use, and their modules."""


def __getattr__(name: str) -> object:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_ON_FIRST_USE[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
