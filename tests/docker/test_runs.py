"""Runs on a real engine."""

from __future__ import annotations

import json
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from launchpad import DockerLauncher, Handle, LaunchError, LaunchExecutor, Reason, Run, RunNotAvailable, RunNotFound
from launchpad.core.output import OnOutput
from tests.helping import TIMEOUT, launch_recorded

from .conftest import LABEL, Launch, sh
from .proxy import Proxy
from .situations import LAUNCHES, port_in_use

pytestmark = pytest.mark.docker

Containers = Callable[[], list[dict[str, Any]]]


def test_exit_code_255_is_confirmed_by_the_engine(launcher: DockerLauncher) -> None:
    lines, outcome = launch_recorded(launcher, sh("echo a; exit 255"))
    assert (lines, outcome.exit_code, outcome.reason) == (["a"], 255, Reason.FAILED)


def test_an_outcome_has_the_engine_s_times(launcher: DockerLauncher) -> None:
    began = time.monotonic()
    outcome = launcher.launch(sh("sleep 0.5"))
    assert 0.4 < (outcome.ended_at - outcome.started_at).total_seconds() < time.monotonic() - began


def test_a_container_is_kept_for_inspection(make: Launch, engine: Any) -> None:
    launcher = make()
    outcome = launcher.launch(sh("exit 4", name="kept", timeout=600))
    inspected = engine.inspect_container(outcome.handle.id)
    labels = inspected["Config"]["Labels"]
    assert inspected["State"]["ExitCode"] == 4
    assert labels["io.launchpad.run-id"] == outcome.handle.run_id
    assert labels["io.launchpad.run-name"] == "kept"
    assert labels["io.launchpad.deadline"].endswith("+00:00")
    launcher.remove(outcome.handle)
    launcher.remove(outcome.handle)
    with pytest.raises(RunNotFound, match="is gone"):
        launcher.wait(outcome.handle)


def test_auto_remove_leaves_nothing_after_any_end(make: Launch, containers: Containers) -> None:
    launcher = make(auto_remove=True, grace=0)
    assert launcher.submit(sh("true")) is True
    assert launcher.submit(sh("exit 1")) is False
    assert launcher.launch(sh("sleep 60", timeout=0.5)).reason is Reason.TIMED_OUT
    launcher.stop(launcher.start(sh("sleep 60")))
    launcher.wait(launcher.start(sh("true")))
    assert containers() == []


def test_a_stop_uses_the_stop_signal_of_the_container(make: Launch) -> None:
    launcher = make(auto_remove=True, options={"stop_signal": "SIGUSR1"}, grace=60)
    lines: list[str] = []
    handles: list[Handle] = []

    def stop(run: Run, line: str) -> None:
        lines.append(line)
        launcher.stop(handles[0])

    run = sh("trap 'echo usr1; exit 0' USR1; echo ready; sleep 60 & wait")
    outcome = launcher.launch(run, on_start=handles.append, on_output=stop)
    assert (lines, outcome.reason) == (["ready", "usr1"], Reason.STOPPED)


def test_a_program_that_is_not_in_the_image_is_a_launch_error_and_leaves_nothing(
    make: Launch, containers: Containers
) -> None:
    with pytest.raises(LaunchError, match="'nope' is not found"):
        make().submit(Run(command=["nope"]))
    assert containers() == []


@pytest.mark.parametrize("situation", LAUNCHES)
def test_a_container_that_the_engine_refuses_is_a_launch_error_with_advice(
    make: Launch, containers: Containers, situation: str
) -> None:
    refused = LAUNCHES[situation]
    with pytest.raises(LaunchError, match=re.escape(refused.advice)):
        make(**refused.settings).submit(refused.run)
    assert containers() == []


def test_a_port_in_use_is_a_launch_error_with_advice(make: Launch, containers: Containers) -> None:
    with port_in_use() as refused, pytest.raises(LaunchError, match=refused.advice):
        make(**refused.settings).submit(refused.run)
    assert containers() == []


def test_a_variable_set_to_none_is_removed_from_the_image_s_environment(make: Launch) -> None:
    launcher = make(auto_remove=True, env={"A": "launcher", "B": "b"})
    lines, _ = launch_recorded(launcher, Run(command=["/bin/env"], env={"A": "run", "PATH": None}))
    assert "A=run" in lines
    assert "B=b" in lines
    assert not any(line.startswith("PATH=/bin") for line in lines)


def test_thirty_runs_of_one_name_all_start(make: Launch, mark: str) -> None:
    launcher = make(stream_output=False)
    with LaunchExecutor(launcher, 30) as executor:
        futures = executor.launch_all(sh("true", name=mark) for _ in range(30))
        assert [future.result(120) for future in futures] == [True] * 30
    names = {future.handle.name for future in futures if future.handle}
    assert len(names) == 30
    assert all(name.startswith(mark) for name in names)


def test_a_fresh_launcher_waits_for_a_running_container_with_all_its_output(make: Launch) -> None:
    handle = make().start(sh("echo early; sleep 1; echo late; printf last; exit 6"))
    lines: list[str] = []
    outcome = make().wait(handle, on_output=lambda run, line: lines.append(line))
    assert (lines, outcome.exit_code, outcome.handle) == (["early", "late", "last"], 6, handle)


def test_a_handle_of_another_engine_is_refused(make: Launch) -> None:
    handle = make().start(sh("true"))
    with pytest.raises(RunNotAvailable, match="DOCKER_HOST"):
        make().wait(type(handle)(handle.type, handle.id, handle.name, "ANOTHER:ENGINE", handle.run_id))


def test_a_container_silent_for_longer_than_the_client_timeout_is_followed(
    make: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CLIENT_TIMEOUT", "12")
    lines, outcome = launch_recorded(make(auto_remove=True), sh("echo a; sleep 14; echo b; exit 2"))
    assert (lines, outcome.exit_code) == (["a", "b"], 2)


def test_the_output_of_a_terminal_is_read_without_frames(make: Launch) -> None:
    lines, outcome = launch_recorded(
        make(auto_remove=True, options={"tty": True}), sh("echo a; echo b >&2; tty >/dev/null")
    )
    assert (lines, outcome.ok) == (["a", "b"], True)


def test_much_output_is_complete_though_the_sink_is_slow(launcher: DockerLauncher) -> None:
    count = 0

    def take(run: Run, line: str) -> None:
        nonlocal count
        count += 1
        if count % 20_000 == 0:
            time.sleep(0.5)

    outcome = launcher.launch(sh("yes 'a line of some length' | head -n 100000"), on_output=take)
    assert (outcome.ok, count) == (True, 100_000)


def test_unread_output_does_not_block_the_container(make: Launch, engine: Any) -> None:
    launcher = make()
    handle = launcher.start(sh(f"yes {'x' * 100} | head -n 30000; exit 3"))
    assert engine.wait(handle.id, timeout=120)["StatusCode"] == 3
    lines: list[str] = []
    assert launcher.wait(handle, on_output=lambda run, line: lines.append(line)).exit_code == 3
    assert (len(lines), lines[-1]) == (30_000, "x" * 100)


def test_several_networks_are_connected_before_the_start(make: Launch, engine: Any) -> None:
    network = engine.create_network(f"{LABEL}-{time.time_ns()}", labels={LABEL: ""})["Id"]
    try:
        lines, _ = launch_recorded(make(auto_remove=True, networks=["bridge", network]), sh("ls /sys/class/net"))
    finally:
        engine.remove_network(network)
    assert {"eth0", "eth1"} <= set(lines)


def test_a_service_of_this_machine_is_reached_through_the_gateway(
    make: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("hello from here", "0.0.0.0") as port:
        monkeypatch.setenv("LAUNCHPAD_API_URL", f"http://localhost:{port}/")
        lines, _ = launch_recorded(make(auto_remove=True, network_mode="bridge"), sh("wget -qO- $LAUNCHPAD_API_URL"))
    assert lines == ["hello from here"]


def test_a_service_of_this_machine_is_reached_on_the_host_s_network(
    make: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving("hello from here", "127.0.0.1") as port:
        monkeypatch.setenv("LAUNCHPAD_API_URL", f"http://127.0.0.1:{port}/")
        launcher = make(auto_remove=True, network_mode=None)
        lines, _ = launch_recorded(launcher, sh("wget -qO- $LAUNCHPAD_API_URL"))
    assert lines == ["hello from here"]


def test_an_engine_that_does_not_know_host_gateway_is_a_warning(make: Launch, proxy: Proxy, engine: Any) -> None:
    version = json.dumps({**engine.version(), "Version": "19.03.15-ce"})
    proxy.script_answer("GET /version", b"HTTP/1.0 200 OK\r\n\r\n" + version.encode())
    with pytest.warns(UserWarning, match="older than 20.10"):
        lines, _ = launch_recorded(make(auto_remove=True, network_mode="bridge"), sh("cat /etc/hosts"))
    assert lines
    assert not any("host.docker.internal" in line for line in lines)


def requests_of(proxy: Proxy, launcher: DockerLauncher, on_output: OnOutput | None) -> list[str]:
    """The requests of a run, without those of the event stream, which another run keeps open."""
    with LaunchExecutor(launcher) as executor:
        other = executor.submit(sh("sleep 600"))
        other.wait_started(TIMEOUT)
        proxy.wait_for("GET /containers/json")  # it completes the opening of the stream
        before = len(proxy.requests)
        handle = launcher.launch(sh("echo a"), on_output=on_output).handle
        own = proxy.requests[before:]
        other.cancel()
    assert handle is not None
    paths = [request.partition("?")[0].replace(handle.id, "ID") for request in own]
    return [path for path in paths if not path.startswith("GET ")]  # the log is read again if the end is reported late


def test_a_run_with_its_output_takes_four_requests(proxy: Proxy, launcher: DockerLauncher) -> None:
    assert requests_of(proxy, launcher, lambda run, line: None) == [
        "POST /containers/create",
        "POST /containers/ID/attach",
        "POST /containers/ID/start",
        "DELETE /containers/ID",
    ]


def test_a_run_without_its_output_takes_three_requests(proxy: Proxy, make: Launch) -> None:
    assert requests_of(proxy, make(auto_remove=True, stream_output=False), None) == [
        "POST /containers/create",
        "POST /containers/ID/start",
        "DELETE /containers/ID",
    ]


def test_one_event_stream_serves_all_runs(proxy: Proxy, make: Launch) -> None:
    launcher = make(auto_remove=True, grace=0)
    with LaunchExecutor(launcher, 12) as executor, warnings.catch_warnings():
        warnings.simplefilter("error")
        futures = [executor.submit(sh("sleep 600"), on_output=lambda run, line: None) for _ in range(12)]
        for future in futures:
            future.wait_started(TIMEOUT)
        assert proxy.open_now("/events") == 1
        assert proxy.open_now("/attach") == 12
        ours = [thread for thread in threading.enumerate() if thread.name.startswith("launchpad")]
        assert len(ours) <= 12 + 4
        executor.stop()
    assert all(future.cancelled() for future in futures)


def serving(body: str, host: str) -> Any:
    """A context with a web server on this machine that responds with `body`; gives its port."""
    import contextlib
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode() + b"\n")

        def log_message(self, *args: object) -> None:
            pass

    @contextlib.contextmanager
    def running() -> Iterator[int]:
        with http.server.HTTPServer((host, 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield server.server_port
            finally:
                server.shutdown()
                thread.join()

    return running()


def test_a_container_has_the_volumes_with_their_options_and_loses_those_without_a_name(
    make: Launch, engine: Any, tmp_path: Path
) -> None:
    launcher = make(volumes=[f"{tmp_path}:/given:ro,z", "/own"])
    outcome = launcher.launch(sh("touch /own/a && ! touch /given/a"))
    mounts = {mount["Destination"]: mount for mount in engine.inspect_container(outcome.handle.id)["Mounts"]}
    launcher.remove(outcome.handle)
    assert outcome.ok
    assert mounts["/given"]["RW"] is False
    with pytest.raises(docker.errors.NotFound):
        engine.inspect_volume(mounts["/own"]["Name"])
