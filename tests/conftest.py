"""What all tests share: which engines answer, and that a test leaves nothing behind."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

REQUIRED = "LAUNCHPAD_REQUIRE_ENGINES"
"""The variable that makes a missing engine a failure: for CI, where a skipped test would be a hole."""

PATIENCE = 5.0
"""Seconds that a test's threads and processes have, after it, to be gone."""


def ask_docker() -> None:
    import docker

    client = docker.from_env(timeout=10)
    try:
        client.ping()
    finally:
        client.close()


def ask_kubernetes() -> None:
    import kubernetes

    if "KUBECONFIG" not in os.environ:
        raise LookupError("KUBECONFIG has to name a cluster that is there for tests: nobody's usual one is taken")
    with kubernetes.config.new_client_from_config() as client:
        kubernetes.client.VersionApi(client).get_code(_request_timeout=10)


ENGINES: dict[str, Callable[[], None]] = {"docker": ask_docker, "kubernetes": ask_kubernetes}
"""The marks of tests that need an engine, and who finds out whether it answers."""


@functools.cache
def why_unavailable(engine: str) -> str:
    """Why tests cannot have the engine; empty if they can."""
    why = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ENGINES[engine]()
        except Exception as error:
            why = f"{engine}: {type(error).__name__}: {error}"
        gc.collect()  # a client that did not come to be leaves its socket open: it is not to be a test's fault
    return why


def pytest_configure() -> None:
    """A shell's job in the background ignores Ctrl-C, and hands that down; many tests send one, to us or to a child."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests of the conformance suite with the engine that they are run on."""
    callspec = getattr(item, "callspec", None)
    name = getattr(callspec.params.get("harness"), "name", "") if callspec else ""
    if name in ENGINES:
        item.add_marker(name)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for engine in ENGINES:
        if item.get_closest_marker(engine) and (reason := why_unavailable(engine)):
            if os.environ.get(REQUIRED):
                pytest.fail(f"{reason} ({REQUIRED} is set)", pytrace=False)
            pytest.skip(reason)


def until(condition: Callable[[], object], timeout: float = 60) -> None:
    """Waits until `condition` holds, where nothing tells of it."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def held() -> set[str]:
    """What this process holds that a run could have left: children, threads of ours, pipes and sockets."""
    return {*threads(), *children(), *descriptors()}


def threads() -> Iterator[str]:
    for thread in threading.enumerate():
        if thread.name.startswith("launchpad") and thread.is_alive():  # it is not, where its start was interrupted
            yield f"thread {thread.name}"


def children() -> Iterator[str]:
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            yield from (f"process {pid}" for pid in (task / "children").read_text().split())


def descriptors() -> Iterator[str]:
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one by which the folder is listed
            target = os.readlink(fd)
            if target.startswith(("pipe:", "socket:", "anon_inode:")):
                yield f"descriptor {fd.name} ({target})"


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test after which a process, a thread of ours or a descriptor is left.

    Not those that ask an engine: they share its connection, and look for containers and Jobs instead.
    """
    if sys.platform != "linux" or any(request.node.get_closest_marker(engine) for engine in ENGINES):
        yield
        return
    before = held()
    yield
    until = time.monotonic() + PATIENCE
    while (left := held() - before) and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert sorted(left) == []
