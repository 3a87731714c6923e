"""Faults of a real engine and of the connection to it: no result is lost, and nothing is left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from launchpad import DockerLauncher, EngineUnavailable, ImagePullError, LaunchError, LaunchExecutor, Reason, Run
from launchpad.docker.backend import DockerBackend
from tests.helping import launch_recorded

from .conftest import Launch, sh
from .proxy import Proxy
from .scripted import error_response

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

SLOWLY = "i=0; while [ $i -lt 20 ]; do echo line $i; echo err $i >&2; sleep 0.1; i=$((i+1)); done; printf last; exit 7"
EXPECTED = sorted([f"line {i}" for i in range(20)] + [f"err {i}" for i in range(20)] + ["last"])


def test_no_engine_is_an_error_that_names_the_address(make: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineUnavailable, match=r"unix:///nowhere/docker.sock"):
        make().submit(sh("true"))


def test_an_end_while_the_event_stream_is_down_is_found_by_the_listing(
    proxy: Proxy, launcher: DockerLauncher, engine: Any
) -> None:
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(sh("sleep 600"))
        handle = future.wait_started(60)
        proxy.wait_for("GET /events")
        proxy.down()
        engine.kill(handle.id)
        engine.wait(handle.id)
        proxy.up()
        assert future.result(120) is False
    assert future.outcome is not None
    assert future.outcome.exit_code == 137


def launch_disturbed(launcher: DockerLauncher, disturb: Callable[[str], object]) -> list[str]:
    """Launches SLOWLY, calls `disturb` with each line as it arrives, and returns the lines."""
    lines: list[str] = []

    def receive(run: Run, line: str) -> None:
        lines.append(line)
        disturb(line)

    assert launcher.launch(sh(SLOWLY), on_output=receive).exit_code == 7
    return lines


def test_an_output_stream_cut_several_times_loses_and_repeats_no_line(proxy: Proxy, launcher: DockerLauncher) -> None:
    def cut(line: str) -> None:
        if line in ("line 3", "line 8", "line 13"):
            proxy.cut("/attach")
            proxy.cut("/logs")

    lines = launch_disturbed(launcher, cut)
    assert proxy.count("/logs") >= 1
    assert sorted(lines) == EXPECTED
    assert [line for line in lines if line.startswith("line")] == [f"line {i}" for i in range(20)]


def test_no_line_is_lost_when_the_engine_goes_away_and_comes_back(proxy: Proxy, launcher: DockerLauncher) -> None:
    def interrupt(line: str) -> None:
        if line == "line 5":
            proxy.down()
            threading.Timer(0.7, proxy.up).start()

    assert sorted(launch_disturbed(launcher, interrupt)) == EXPECTED


def test_a_container_whose_creation_was_not_confirmed_is_used(
    proxy: Proxy, launcher: DockerLauncher, mark: str
) -> None:
    proxy.lose_answer("POST /containers/create")
    lines, outcome = launch_recorded(launcher, sh("echo hello", name=mark))
    assert (lines, outcome.ok, outcome.handle.name) == (["hello"], True, mark)
    assert proxy.count("POST /containers/create") == 2


def test_a_start_that_was_not_confirmed_is_not_repeated(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.lose_answer("/start")
    lines, outcome = launch_recorded(launcher, sh("echo once; exit 3"))
    assert (lines, outcome.exit_code) == (["once"], 3)
    assert proxy.count("/start") == 1


def test_a_start_that_never_reached_the_engine_is_sent_again(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.script_answer("/start", b"")
    lines, _ = launch_recorded(launcher, sh("echo once"))
    assert lines == ["once"]
    assert proxy.count("/start") == 2


def test_status_503_is_retried(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.script_answer("POST /containers/create", error_response(503, "busy", "Retry-After: 0"), times=2)
    assert launcher.submit(sh("true")) is True
    assert proxy.count("POST /containers/create") == 3


def test_status_500_is_not_retried(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.script_answer("POST /containers/create", error_response(500, "a permanent fault"))
    with pytest.raises(LaunchError, match="a permanent fault"):
        launcher.submit(sh("true"))
    assert proxy.count("POST /containers/create") == 1


def test_a_taken_name_is_recognised_in_podman_s_words(proxy: Proxy, launcher: DockerLauncher, mark: str) -> None:
    proxy.script_answer(
        "POST /containers/create", error_response(500, "the container name 'taken' is already in use by c1")
    )
    assert launcher.launch(sh("true", name=mark)).handle.name == f"{mark}-1"


def test_a_name_that_a_network_keeps_after_its_container_is_taken(
    proxy: Proxy, launcher: DockerLauncher, mark: str
) -> None:
    kept = f"endpoint with name {mark} already exists in network bridge"
    proxy.script_answer("/start", error_response(403, kept))
    assert launcher.launch(sh("true", name=mark)).handle.name == f"{mark}-1"


def test_an_engine_that_goes_away_during_a_start_leaves_nothing(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.script_answer("/start", b"", times=99)
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        launcher.submit(sh("true"))


def test_a_refused_attach_is_an_error_with_advice(proxy: Proxy, launcher: DockerLauncher) -> None:
    proxy.script_answer("/attach", error_response(409, "exec: no-such: executable file not found in $PATH"))
    with pytest.raises(LaunchError, match=r"the program 'no-such' is not found.*check the program's name"):
        launcher.launch(Run(command=["no-such"]), on_output=lambda run, line: None)


def test_a_run_that_succeeds_though_a_child_was_out_of_memory_has_succeeded(make: Launch) -> None:
    launcher = make(auto_remove=True, mem_limit="16m", options={"memswap_limit": "16m"})
    outcome = launcher.launch(sh("(x=a; while :; do x=$x$x; done); true"))
    assert (outcome.ok, outcome.reason) == (True, Reason.COMPLETED)


def test_a_full_disk_during_a_pull_is_an_error_with_advice(proxy: Proxy, make: Launch) -> None:
    stream = b'{"status":"Pulling from x"}\r\n{"error":"write /var/lib/x: no space left on device"}\r\n'
    proxy.script_answer("POST /images/create", b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + stream)
    with pytest.raises(ImagePullError, match=r"no space left.*free some space"):
        make(image_pull_policy="Always").submit(sh("true"))


def test_a_long_outage_fails_waiting_threads_and_the_handle_stays_valid(
    proxy: Proxy, launcher: DockerLauncher, engine: Any
) -> None:
    handle = launcher.start(sh("sleep 600"))
    with closing(DockerBackend.connect(os.environ, max_outage=1.0)) as backend:
        with closing(backend.find(handle, output=False)) as unit:
            proxy.down()
            with pytest.raises(EngineUnavailable, match="cannot be followed"):
                all(unit.poll(60) == [] for _ in range(100))
        proxy.up()
    engine.kill(handle.id)
    assert launcher.wait(handle).exit_code == 137


def test_replaced_launchers_and_those_made_apart_share_one_event_stream(
    proxy: Proxy, launcher: DockerLauncher, make: Launch
) -> None:
    apart = make(env={"N": "9"}, auto_remove=True)
    launchers = [*(launcher.replace(env={"N": n}) for n in range(8)), apart]
    with LaunchExecutor(launcher, 9) as executor:
        futures = [executor.submit(sh("exit $N"), launcher=one) for one in launchers]
    assert [future.outcome.exit_code for future in futures if future.outcome] == [*range(8), 9]
    assert len([request for request in proxy.requests if request.startswith("GET /version")]) == 1
    events = [request for request in proxy.requests if request.startswith("GET /events")]
    assert len([request for request in events if "until=" not in request]) == 1  # the others ask about the past
