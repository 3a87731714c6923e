"""An engine with live-restore is restarted while runs go on: they end with their true results."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing
from pathlib import Path

import attrs
import docker
import pytest

from launchpad import DockerLauncher, LaunchExecutor, Run
from tests.helping import RecordedLines, is_running, until

from .conftest import sh
from .private_engine import PrivateEngine

pytestmark = [pytest.mark.docker, pytest.mark.alone]  # they share an engine, and start and stop it


@pytest.fixture(scope="module")
def private() -> Iterator[PrivateEngine]:
    """An engine that only these tests use."""
    engine = PrivateEngine("launchpad-restart")
    yield engine
    engine.down()


@pytest.fixture
def launcher(private: PrivateEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerLauncher]:
    monkeypatch.setenv("DOCKER_HOST", private.up())
    with DockerLauncher(image="busybox:1", network_mode="none", auto_remove=True, grace=1) as launcher:
        yield launcher


def test_ten_runs_end_with_their_true_results(private: PrivateEngine, launcher: DockerLauncher) -> None:
    """They end before the restart, while the engine is down, and after it."""
    lines: dict[str, list[str]] = {}
    script = "i=0; while [ $i -lt {0} ]; do echo line $i; sleep 0.5; i=$((i+1)); done; exit {0}"

    def take(run: Run, line: str) -> None:
        lines.setdefault(run.name, []).append(line)

    with LaunchExecutor(launcher, 10) as executor:
        runs = [sh(script.format(count), name=f"run-{count}") for count in range(2, 22, 2)]
        futures = [executor.submit(run, on_output=take) for run in runs]
        for future in futures:
            future.wait_started(180)
        private.stop()
        private.up()
        wait(futures, timeout=180)
    outcomes = [future.outcome for future in futures if future.outcome]
    assert [outcome.exit_code for outcome in outcomes] == list(range(2, 22, 2))
    for count, outcome in zip(range(2, 22, 2), outcomes, strict=True):
        got = lines[f"run-{count}"]
        assert got == [f"line {i}" for i in range(len(got))]
        assert len(got) == count or not outcome.output_complete  # the engine loses what is written while it is down


def test_output_that_the_engine_has_lost_is_reported(
    private: PrivateEngine, launcher: DockerLauncher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The run writes a line and ends while the engine is down."""
    run = sh("echo first; until [ -e /flags/go ]; do sleep 0.1; done; echo lost; exit 3")
    recorded = RecordedLines()
    with attrs.evolve(launcher, volumes=[f"{tmp_path}:/flags"]) as evolved, LaunchExecutor(evolved, 1) as executor:
        future = executor.submit(run, on_output=recorded)
        recorded.wait_for("first")
        with closing(docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")) as client:
            pid = client.inspect_container(future.wait_started(180).id)["State"]["Pid"]
        private.stop()
        (tmp_path / "go").touch()
        until(lambda: not is_running(pid))
        private.up()
        wait([future], timeout=180)
    assert future.outcome is not None
    assert (future.outcome.exit_code, future.outcome.output_complete, recorded.lines) == (3, False, ["first"])
    assert caplog.text.count("may be incomplete: the engine was down") == 1


def test_a_stop_requested_while_the_engine_is_down_is_carried_out_afterwards(
    private: PrivateEngine, launcher: DockerLauncher
) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(sh("sleep 600"))
        handle = future.wait_started(180)
        private.stop()
        assert future.cancel() is True
        thread = threading.Thread(target=private.up)
        thread.start()
        wait([future], timeout=180)
        thread.join()
    assert future.cancelled()
    with closing(launcher.connect()) as backend:
        assert backend.state(handle.id) is None
