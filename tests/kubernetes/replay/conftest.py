"""One replaying server for all tests of this package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import ReplayServer, serving


@pytest.fixture(scope="session")
def server() -> Iterator[ReplayServer]:
    with serving() as server:
        yield server
