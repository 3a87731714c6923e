"""Images on a real engine and its registry: pulled as the policy says, with errors that help."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from launchpad import ImagePullError, LaunchExecutor

from .conftest import Launch, sh
from .proxy import Proxy
from .situations import REGISTRIES, platform_image, refusing_registry

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("nothing_left")]

REGISTRY = os.environ.get("LAUNCHPAD_TEST_REGISTRY", "")


@pytest.fixture
def image(engine: Any) -> Iterator[str]:
    """An image in the registry that the engine does not have."""
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


def test_the_policy_always_pulls_for_every_run(make: Launch, proxy: Proxy, image: str) -> None:
    launcher = make(image=image, auto_remove=True, image_pull_policy="Always")
    assert launcher.submit(sh("true")) is True
    assert launcher.submit(sh("true")) is True
    assert proxy.count("POST /images/create") == 2


def test_runs_that_need_one_image_at_the_same_time_share_one_pull(make: Launch, proxy: Proxy, image: str) -> None:
    release = proxy.hold("POST /images/create")
    with LaunchExecutor(make(image=image, auto_remove=True), 8) as executor:
        futures = executor.launch_all(sh("true") for _ in range(8))
        proxy.wait_for("POST /containers/create", 8)
        release.set()
        assert all(future.result(120) for future in futures)
    assert proxy.count("POST /images/create") == 1


def test_the_policy_never_does_not_pull(make: Launch, proxy: Proxy) -> None:
    with pytest.raises(ImagePullError, match="image_pull_policy is Never"):
        make(image="launchpad-test:nowhere", image_pull_policy="Never").submit(sh("true"))
    assert proxy.count("POST /images/create") == 0


@pytest.mark.parametrize("length", [12, 64, len("sha256:") + 64, len("sha256:") + 12])
def test_an_image_id_is_used_and_never_pulled(make: Launch, proxy: Proxy, engine: Any, length: int) -> None:
    whole = engine.inspect_image("busybox:1")["Id"]
    image = whole[:length] if length not in (12, 64) else whole.removeprefix("sha256:")[:length]
    for policy in (None, "Always"):
        assert make(image=image, auto_remove=True, image_pull_policy=policy).submit(sh("true")) is True
    assert proxy.count("POST /images/create") == 0


def test_an_image_id_that_the_engine_lacks_is_an_error_that_says_so(make: Launch, proxy: Proxy) -> None:
    with pytest.raises(ImagePullError, match="no image with the id 'sha256:0a0a"):
        make(image="sha256:" + "0a" * 32).submit(sh("true"))
    assert proxy.count("POST /images/create") == 0


def test_the_error_of_an_image_that_only_the_engine_has_names_the_policy_that_uses_it(
    make: Launch, engine: Any
) -> None:
    with socket.socket() as closed:  # a registry that refuses connections
        closed.bind(("127.0.0.1", 0))
        repository = f"127.0.0.1:{closed.getsockname()[1]}/only-here"
        engine.tag("busybox:1", repository)
        try:
            with pytest.raises(ImagePullError, match=r"engine has an image .*image_pull_policy='IfNotPresent'"):
                make(image=repository).submit(sh("true"))
            assert make(image=repository, image_pull_policy="IfNotPresent", auto_remove=True).submit(sh("true")) is True
        finally:
            engine.remove_image(repository)


def test_a_missing_credential_helper_is_no_obstacle_to_a_public_image(
    make: Launch, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere", "auths": {"127.0.0.1": {"auth": "%"}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert make(image=image, auto_remove=True).submit(sh("true")) is True


def test_a_registry_that_wants_a_login_tells_the_trouble_of_the_credential_helper(
    make: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with (
        refusing_registry(*REGISTRIES["login wanted"][1]) as closed,
        pytest.raises(ImagePullError, match=r"registry_auth.*docker-credential-nowhere.*not installed"),
    ):
        make(image=closed).submit(sh("true"))


def test_an_image_without_the_platform_is_an_error_that_names_the_option(make: Launch) -> None:
    if not REGISTRY:
        pytest.skip("LAUNCHPAD_TEST_REGISTRY does not name a registry")
    with pytest.raises(ImagePullError, match="set the option platform"):
        make(image=platform_image(), options={"platform": "linux/s390x"}).submit(sh("true"))


def test_a_pull_that_breaks_midway_raises_its_error(make: Launch, proxy: Proxy) -> None:
    stream = b'{"status":"Pulling"}\r\n{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}\r\n'
    proxy.script_answer("POST /images/create", b"HTTP/1.0 200 OK\r\n\r\n" + stream)
    with pytest.raises(ImagePullError, match="unexpected EOF"):
        make(image_pull_policy="Always").submit(sh("true"))


def test_pull_progress_goes_to_stderr_unless_output_is_off(
    make: Launch, image: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(image=image, auto_remove=True).submit(sh("echo out")) is True
    captured = capsys.readouterr()
    assert captured.out == "out\n"
    assert make(image=image, auto_remove=True, stream_output=False).submit(sh("echo out")) is True
    assert capsys.readouterr().err == ""


def test_a_run_cancelled_during_its_pull_is_cancelled(proxy: Proxy, make: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a registry that never responds
        registry = f"127.0.0.1:{silent.getsockname()[1]}"
        with LaunchExecutor(make(image=f"{registry}/nowhere:1"), 1) as executor:
            future = executor.submit(sh("true"))
            proxy.wait_for("POST /images/create")
            assert future.cancel() is True
    assert future.cancelled()
