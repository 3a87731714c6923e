"""Fixtures and hooks of all tests: skips tests whose engine does not answer, and fails tests that leave something."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from .docker.podman import left_out
from .helping import channels, children, eventually, threads

hypothesis.settings.register_profile("launchpad", deadline=None)  # tests in parallel take each other's time
hypothesis.settings.load_profile("launchpad")

REQUIRED = "LAUNCHPAD_REQUIRE_ENGINES"
"""The environment variable that turns the skip for a missing engine into a failure. CI sets it."""

RELEASE_TIMEOUT = 5.0
"""Seconds after a test within which its threads, processes and descriptors must be gone."""


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
        raise LookupError("KUBECONFIG must name a cluster for tests: the default cluster is never used")
    with kubernetes.config.new_client_from_config() as client:
        kubernetes.client.VersionApi(client).get_code(_request_timeout=10)


ENGINES: dict[str, Callable[[], None]] = {"docker": ask_docker, "kubernetes": ask_kubernetes}
"""The marks of tests that need an engine, each with a function that raises if the engine does not answer."""


@functools.cache
def why_unavailable(engine: str) -> str:
    """Why the engine cannot be used; empty if it can."""
    why = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ENGINES[engine]()
        except Exception as error:
            why = f"{engine}: {type(error).__name__}: {error}"
        gc.collect()  # a client whose constructor failed leaves its socket open
    return why


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lane", choices=["parallel", "alone"], help="run the tests that are not, or are, marked `alone`")
    parser.addoption("--faults", type=int, default=0, help="play all rows of the fault matrix, so many times each")
    parser.addoption("--faults-to", metavar="FILE", help="add the counts of the fault matrix to a JSON file")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests of the other lane, and the long rows of the fault matrix unless `--faults` asks for them."""
    if not config.getoption("faults"):
        long = [item for item in items if item.get_closest_marker("faults")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    if lane := config.getoption("lane"):
        alone = [item for item in items if item.get_closest_marker("alone")]
        parallel = [item for item in items if item not in alone]
        items[:], other = (alone, parallel) if lane == "alone" else (parallel, alone)
        config.hook.pytest_deselected(items=other)


def pytest_configure(config: pytest.Config) -> None:
    """Restores the handler of SIGINT, which a shell ignores for jobs in the background: many tests send SIGINT.

    Detached runs of tests have a state folder of their own.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    state = tempfile.TemporaryDirectory(prefix="launchpad-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(state.cleanup)
    os.environ["XDG_STATE_HOME"] = state.name


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks each test of the conformance suite with its engine."""
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
    if item.get_closest_marker("docker") and (reason := left_out(item.name)):
        pytest.skip(reason)


def held() -> set[str]:
    """What this process holds that a run could have left: child processes, launchpad's threads, pipes and sockets."""
    return {*threads(), *children(), *channels()}


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a child process, a thread of launchpad or a descriptor.

    Tests of an engine are exempt: they share its connection, and look for containers and Jobs instead.
    """
    if sys.platform != "linux" or any(request.node.get_closest_marker(engine) for engine in ENGINES):
        yield
        return
    before = held()
    yield

    def left() -> set[str]:
        gc.collect()
        return held() - before

    if held() - before:
        assert sorted(eventually(left, lambda left: not left, RELEASE_TIMEOUT, interval=0.01)) == []
