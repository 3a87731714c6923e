"""Images on a real engine and its registry: pulled as the policy says, once for all, with errors that help."""

from __future__ import annotations

import base64
import io
import json
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from launchpad import ImagePullError, LaunchExecutor, Run
from launchpad.core.cancellation import Stopped, StopToken
from launchpad.docker.pull_progress import Progress
from tests.helping import until

from .conftest import Launch, sh
from .proxy import Proxy

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

REGISTRY = os.environ.get("LAUNCHPAD_TEST_REGISTRY", "")


@pytest.fixture
def image(engine: Any) -> Iterator[str]:
    """An image that is in the registry, and not on the engine."""
    if not REGISTRY:
        pytest.skip("LAUNCHPAD_TEST_REGISTRY does not name a registry that tests can push to")
    repository, tag = f"{REGISTRY}/launchpad-test", uuid.uuid4().hex
    engine.tag("busybox:1", repository, tag)
    assert "error" not in engine.push(repository, tag)
    engine.remove_image(f"{repository}:{tag}")
    yield f"{repository}:{tag}"
    engine.remove_image(f"{repository}:{tag}", force=True, noprune=True)


def test_an_absent_image_is_pulled_and_a_present_one_is_not(make: Launch, proxy: Proxy, image: str) -> None:
    launcher = make(image=image, auto_remove=True)
    assert launcher.submit(sh("true")) is True
    assert launcher.submit(sh("true")) is True
    assert proxy.count("POST /images/create") == 1


def test_always_pulls_for_every_run(make: Launch, proxy: Proxy, image: str) -> None:
    launcher = make(image=image, auto_remove=True, image_pull_policy="Always")
    assert launcher.submit(sh("true")) is True
    assert launcher.submit(sh("true")) is True
    assert proxy.count("POST /images/create") == 2


@pytest.mark.parametrize("policy", ["IfNotPresent", "Always"])
def test_runs_that_need_one_image_at_the_same_time_share_one_pull(
    make: Launch, proxy: Proxy, image: str, policy: str
) -> None:
    launcher = make(image=image, auto_remove=True, image_pull_policy=policy)
    waiting = launcher._backend()._images._changed._waiters
    let_go = proxy.hold("POST /images/create")
    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(launcher.submit, sh("true")) for _ in range(8)]
        until(lambda: len(waiting) == 7)
        let_go.set()
        assert all(future.result(120) for future in futures)
    assert proxy.count("POST /images/create") == 1


def test_all_who_wait_for_a_pull_get_its_error(make: Launch, proxy: Proxy) -> None:
    launcher = make(image=f"{REGISTRY or 'localhost:1'}/launchpad-test:nowhere", auto_remove=True)
    waiting = launcher._backend()._images._changed._waiters
    let_go = proxy.hold("POST /images/create")
    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(launcher.submit, sh("true")) for _ in range(6)]
        until(lambda: len(waiting) == 5)
        let_go.set()
        for future in futures:
            with pytest.raises(ImagePullError, match="launchpad-test:nowhere"):
                future.result(60)
    assert proxy.count("POST /images/create") == 1


def test_never_does_not_pull(make: Launch, proxy: Proxy) -> None:
    with pytest.raises(ImagePullError, match="image_pull_policy is Never"):
        make(image="launchpad-test:nowhere", image_pull_policy="Never").submit(sh("true"))
    assert proxy.count("POST /images/create") == 0


def test_a_missing_tag_is_an_error_that_says_so(make: Launch) -> None:
    if not REGISTRY:
        pytest.skip("LAUNCHPAD_TEST_REGISTRY does not name a registry")
    with pytest.raises(ImagePullError, match="check its name and its tag"):
        make(image=f"{REGISTRY}/busybox:nowhere").submit(sh("true"))


def test_a_registry_that_is_not_there_is_an_error_that_says_so(make: Launch) -> None:
    with pytest.raises(ImagePullError, match="reach the registry"):
        make(image="127.0.0.1:9/busybox:1").submit(sh("true"))


def test_the_error_of_a_pull_that_broke_midway_is_told(make: Launch, proxy: Proxy) -> None:
    stream = b'{"status":"Pulling"}\r\n{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}\r\n'
    proxy.script_answer("POST /images/create", b"HTTP/1.0 200 OK\r\n\r\n" + stream)
    with pytest.raises(ImagePullError, match="unexpected EOF"):
        make(image_pull_policy="Always").submit(sh("true"))


def test_the_login_of_the_settings_is_sent_with_the_pull(make: Launch) -> None:
    launcher = make(registry_auth={"username": "me", "password": "x"})
    header = launcher._backend()._images._login_header("registry.example/a", launcher.registry_auth)
    assert json.loads(base64.urlsafe_b64decode(header["X-Registry-Auth"])) == {"username": "me", "password": "x"}


def test_the_login_of_the_docker_config_is_found(make: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = base64.b64encode(b"me:x").decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example:5000": {"auth": secret}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    images = make()._backend()._images
    header = images._login_header("registry.example:5000/team/app", None)
    assert json.loads(base64.urlsafe_b64decode(header["X-Registry-Auth"]))["username"] == "me"
    assert images._login_header("elsewhere.example/app", None) == {}


def test_a_credential_helper_that_is_missing_is_an_error_that_says_so(
    make: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {"registry.example": "nowhere"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.warns(UserWarning, match="nowhere"), pytest.raises(ImagePullError, match="login for 'registry"):
        make()._backend()._images._login_header("registry.example/app", None)


def test_a_cancel_ends_the_wait_for_a_pull(make: Launch, proxy: Proxy) -> None:
    proxy.script_answer("POST /images/create", b"HTTP/1.0 200 OK\r\n\r\n")
    launcher = make(image_pull_policy="Always")
    images = launcher._backend()._images
    hanging = threading.Event()
    leader = StopToken()

    def send(data: bytes) -> Any:
        hanging.set()
        return hanging_exchange()

    images._send = send
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(images.pull, "a:1", None, None, 0.0, leader, shown=False)
        assert hanging.wait(60)
        waiting = StopToken()
        second = threads.submit(images.pull, "a:1", None, None, 0.0, waiting, shown=False)
        waiting.stop()
        with pytest.raises(Stopped):
            second.result(60)
        leader.stop()
        with pytest.raises(Stopped):
            first.result(60)


def hanging_exchange() -> Any:
    """An exchange whose answer never comes."""
    import socket

    from launchpad.net.exchange import StreamingResponse

    ours, theirs = socket.socketpair()
    exchange = StreamingResponse(ours, b"")
    exchange.theirs = theirs
    closing = exchange.close
    exchange.close = lambda: (closing(), theirs.close())
    return exchange


class Terminal(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.isatty = lambda: tty


def progress_of(tty: bool, *lines: dict[str, Any]) -> str:
    screen = Terminal(tty)
    with Progress("a:1", screen) as progress:
        for line in lines:
            progress.show(line)
    return screen.getvalue()


def test_an_image_that_is_up_to_date_shows_nothing() -> None:
    assert progress_of(True, {"status": "Pulling from a", "id": "1"}, {"status": "Status: Image is up to date"}) == ""


def test_without_a_terminal_the_begin_and_the_end_are_shown() -> None:
    loading = {"status": "Downloading", "id": "l", "progressDetail": {"current": 1, "total": 2}}
    assert progress_of(False, {"status": "Pulling fs layer", "id": "l"}, loading) == "Pulling a:1 ...\nPulled a:1\n"


def test_a_pull_shows_how_far_it_is(make: Launch, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(image=image, auto_remove=True).submit(sh("echo out")) is True
    captured = capsys.readouterr()
    assert captured.out == "out\n"
    assert make(image=image, auto_remove=True, stream_output=False).submit(sh("echo out")) is True
    assert capsys.readouterr().err == ""


def test_a_run_cancelled_during_its_pull_is_cancelled(proxy: Proxy, make: Launch) -> None:
    launcher = make(image_pull_policy="Always", auto_remove=True)
    launcher._backend()._images._send = lambda data: hanging_exchange()
    with LaunchExecutor(launcher, 1) as executor:
        future = executor.submit(Run(command=["true"]))
        until(lambda: bool(launcher._backend()._images._pulls))
        assert future.cancel() is True
    assert future.cancelled()
