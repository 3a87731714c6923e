"""Whether Jobs can be launched with a launcher's settings."""

from __future__ import annotations

from contextlib import closing

from ..health import Health
from .launcher import KubernetesLauncher


def check(launcher: KubernetesLauncher) -> Health:
    """Asks the API server for its version and for the permissions in the launcher's namespace."""
    with closing(launcher.connect()) as backend:
        version, missing, useful = backend.examine()
        detail = backend.engine
    if missing:
        permissions = ", ".join(map(str, missing))
        return Health(
            usable=False,
            version=version,
            detail=f"{detail}: these permissions are missing: {permissions}",
            advice="Have an administrator bind a Role with them to you (there is one under examples/kubernetes).",
        )
    advice = "; ".join(f"with permission to {permission}, {gain}" for permission, gain in useful.items())
    return Health(usable=True, version=version, detail=detail, advice=f"{advice[:1].upper()}{advice[1:]}")
