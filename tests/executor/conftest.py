"""An executor of four workers, whose runs go on until the test has them end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from launchpad import LaunchExecutor
from launchpad.testing import FakeBackend, FakeLauncher, Script


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend(Script(exit_code=None))


@pytest.fixture
def launcher(fake: FakeBackend) -> Iterator[FakeLauncher]:
    with FakeLauncher(fake) as launcher:
        yield launcher


@pytest.fixture
def executor(launcher: FakeLauncher) -> Iterator[LaunchExecutor]:
    executor = LaunchExecutor(launcher, 4)
    yield executor
    executor.stop()
