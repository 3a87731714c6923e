"""A namespace for the tests on a real cluster, and a fault proxy before its API server."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from .cluster import ENGINES, Cluster
from .followed import Followed
from .proxy import Proxy


@pytest.fixture(scope="session")
def _namespace() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.remove()


@pytest.fixture
def cluster(_namespace: Cluster) -> Iterator[Cluster]:
    """The cluster. A test that leaves a Job or pod running on it fails."""
    yield _namespace
    left = _namespace.leftovers()
    _namespace.clear()
    assert left == []


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    proxy = Proxy(cluster.api.server)
    yield proxy
    proxy.down()


@pytest.fixture
def through(cluster: Cluster, proxy: Proxy, tmp_path: pathlib.Path) -> pathlib.Path:
    """A kubeconfig whose server is the proxy."""
    return cluster.kubeconfig(tmp_path, server=proxy.url)


@pytest.fixture
def engines() -> None:
    """Skips tests that stop parts of the cluster if no program can do so."""
    if not os.environ.get(ENGINES):
        pytest.skip(f"{ENGINES} does not name a program that stops and starts parts of the cluster")


@pytest.fixture
def follow() -> Iterator[Any]:
    followed: list[Followed] = []

    def follow(**answers: Any) -> Followed:
        followed.append(Followed(**answers))
        return followed[-1]

    yield follow
    for one in followed:
        one.unit.close()
