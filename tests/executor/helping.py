"""Short words for what these tests say often."""

from __future__ import annotations

from typing import Any

from launchpad import LaunchExecutor, Run
from launchpad.testing import FakeBackend, FakeLauncher, Script, ignore

STUBBORN = Script(exit_code=None, on_stop=ignore)
"""A run that goes on until it is killed."""


def job(name: str = "job") -> Run:
    return Run(command=["job"], name=name)


def jobs(count: int) -> list[Run]:
    return [job(f"job-{number}") for number in range(count)]


def executor_for(
    engine: FakeBackend | Script, workers: int = 4, *, grace: float = 10.0, **options: Any
) -> LaunchExecutor:
    """An executor for a fake engine, or for one whose runs all follow a script."""
    fake = FakeBackend(engine) if isinstance(engine, Script) else engine
    return LaunchExecutor(FakeLauncher(fake, grace=grace), workers, **options)
