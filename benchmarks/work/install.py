"""What an installation takes on disk: a package and all that it requires, by the lists of the files installed."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from scenario import Measured, Scenario


def install(package: str, size: int, quick: bool) -> Measured:
    """`package` is as for pip, extras included. What is compiled on first use, and pip itself, do not count."""
    from packaging.requirements import Requirement

    found: dict[str, set[str]] = {}
    _collect(Requirement(package), found)
    return {"MB": sum(map(_bytes, found)) / 1e6, "packages": len(found)}


def _collect(wanted: object, found: dict[str, set[str]]) -> None:
    """Adds what `wanted` requires to `found`: the extras that are wanted, by distribution."""
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
    if name == "launchpad":  # it may be installed to be edited, where its list of files is empty
        import launchpad

        files = list(Path(launchpad.__file__).parent.rglob("*.py"))
    else:
        files = [Path(str(file.locate())) for file in distribution(name).files or ()]
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())


EXTRAS = ("launchpad", "launchpad[docker]", "launchpad[kubernetes]", "launchpad[cli]", "launchpad[all]")
PEERS = {"joblib": "joblib", "PSI/J": "psij-python", "parsl": "parsl", "submitit": "submitit"}
SDKS = {"docker-py": "docker", "kubernetes": "kubernetes", "python-on-whales": "python-on-whales"}

SCENARIOS = (
    Scenario(
        "install",
        "What an installation takes",
        "environment",
        (1,),
        quick=(1,),
        rounds=1,
        metrics=("MB", "packages"),
        contenders={**{name: name for name in EXTRAS}, **PEERS, **SDKS},
        measure=install,
    ),
)
