"""The size of an installation: a package and all that it requires, by the lists of installed files."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from .scenario import Measured, Scenario


def install(package: str, size: int, quick: bool) -> Measured:
    """`package` is a requirement as for pip, with its extras. Compiled files, and pip itself, do not count."""
    from packaging.requirements import Requirement

    found: dict[str, set[str]] = {}
    _collect(Requirement(package), found)
    return {"MB": sum(map(_bytes, found)) / 1e6, "packages": len(found)}


def _collect(wanted: object, found: dict[str, set[str]]) -> None:
    """Adds `wanted` and its requirements to `found`: the extras of each distribution."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    assert isinstance(wanted, Requirement)
    name, extras = canonicalize_name(wanted.name), {"", *wanted.extras}
    if not (new := extras - found.get(name, set())):
        return
    found[name] = found.get(name, set()) | extras
    for line in distribution(name).requires or ():
        requirement = Requirement(line)
        if any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in new):
            _collect(requirement, found)


def _bytes(name: str) -> int:
    if name == "launchpad-runs":  # an editable installation has an empty list of files
        import launchpad

        files = list(Path(launchpad.__file__).parent.rglob("*.py"))
    else:
        files = [Path(str(file.locate())) for file in distribution(name).files or ()]
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


EXTRAS = (
    "launchpad-runs",
    "launchpad-runs[docker]",
    "launchpad-runs[kubernetes]",
    "launchpad-runs[cli]",
    "launchpad-runs[all]",
)
PEERS = {"joblib": "joblib", "PSI/J": "psij-python", "parsl": "parsl", "submitit": "submitit"}
SDKS = {"docker-py": "docker", "kubernetes": "kubernetes", "python-on-whales": "python-on-whales"}

SCENARIOS = (
    Scenario(
        name="install",
        title="What an installation takes",
        size="environment",
        rounds=1,
        metrics=("MB", "packages"),
        contenders={**{name: name for name in EXTRAS}, **PEERS, **SDKS},
        measure=install,
    ),
)
