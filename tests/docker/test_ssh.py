"""An engine that is reached by ssh: a fake `ssh` connects to the real engine's socket."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from launchpad import EngineUnavailable, Run
from tests.helping import launch_recorded

from .conftest import Launch, sh

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

RELAY = """#!{python}
import os, socket, sys, threading
if sys.argv[-3:] != ["docker", "system", "dial-stdio"] or "far.example" not in sys.argv:
    sys.exit(255)
engine = socket.socket(socket.AF_UNIX)
engine.connect({path!r})
def receive():
    while data := engine.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=receive).start()
while data := os.read(0, 65536):
    engine.sendall(data)
os._exit(0)
"""


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ssh"
    program.write_text(RELAY.format(python=sys.executable, path=os.environ["DOCKER_HOST"].removeprefix("unix://")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("ssh")
def test_runs_and_their_output_go_through_ssh(make: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far.example")
    lines, outcome = launch_recorded(make(auto_remove=True), sh("echo far; exit 3"))
    assert (lines, outcome.exit_code) == (["far"], 3)


@pytest.mark.usefixtures("ssh")
def test_the_whole_input_goes_through_ssh(make: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@far.example")
    run = Run(command=["wc", "-c"], stdin=bytes(1_000_000))
    assert launch_recorded(make(auto_remove=True), run)[0] == ["1000000"]


@pytest.mark.usefixtures("ssh")
def test_a_failing_ssh_is_an_error_with_advice(make: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@nowhere.example")
    with pytest.raises(EngineUnavailable, match=r"'docker --host ssh://me@nowhere.example version' works"):
        make().submit(sh("true"))
