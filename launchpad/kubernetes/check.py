"""Whether Jobs can be launched here."""

from __future__ import annotations

from contextlib import closing

from ..health import Health
from .launcher import KubernetesLauncher


def check(launcher: KubernetesLauncher) -> Health:
    """Asks the API server who it is, and whether we have the rights that `launcher` needs in its namespace."""
    with closing(launcher.connect()) as backend:
        version, needed, useful = backend.examine()
        detail = backend.engine
    if needed:
        rights = ", ".join(map(str, needed))
        return Health(
            usable=False,
            version=version,
            detail=f"{detail}: these rights are missing: {rights}",
            advice="Have an administrator bind a Role with them to you (there is one under examples/kubernetes).",
        )
    advice = "; ".join(f"with the right to {right}, {gain}" for right, gain in useful.items())
    return Health(usable=True, version=version, detail=detail, advice=f"{advice[:1].upper()}{advice[1:]}")
