"""Pulls that launches share, their logins and their progress. The engine's responses are scripted."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, redirect_stderr, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from launchpad import ImagePullError
from launchpad.core.cancellation import Listening, Stopped, StopToken
from launchpad.core.screen import StreamProxy
from launchpad.docker.images import Images, Pull
from launchpad.docker.pull_progress import Progress
from launchpad.net.http import StreamingResponse

from .scripted import error_response, response_of, whole_response

OK = b"HTTP/1.0 200 OK\r\n\r\n"
PULL = Pull("a:1")


class Registry:
    """Answers each pull with `data` once it is released. Counts the pulls."""

    def __init__(self, data: bytes) -> None:
        self.pulls = 0
        self.released = threading.Event()
        self._data = data

    def open_pull(self, query: Any, headers: Mapping[str, str]) -> StreamingResponse:
        self.pulls += 1
        assert self.released.wait(60)
        return whole_response(self._data)


class WaitingToken(StopToken):
    """Releases `waiting` when a thread begins to wait with this token."""

    def __init__(self, waiting: threading.Semaphore) -> None:
        super().__init__()
        self._waiting = waiting

    def listening(self, listener: Any) -> Listening:
        self._waiting.release()
        return super().listening(listener)


def pulls_at_once(registry: Registry, threads: ThreadPoolExecutor) -> list[Future[None]]:
    """Six launches that need the image at the same time; the registry responds when all wait."""
    images, waiting = Images(registry.open_pull), threading.Semaphore(0)
    futures = [threads.submit(images.pull, PULL, 0.0, WaitingToken(waiting)) for _ in range(6)]
    assert all(waiting.acquire(timeout=60) for _ in range(5))  # the sixth pulls
    registry.released.set()
    return futures


def test_launches_that_need_one_image_at_the_same_time_share_one_pull() -> None:
    registry = Registry(OK + b'{"status":"Pulling"}\n')
    with ThreadPoolExecutor(6) as threads:
        assert [future.result(120) for future in pulls_at_once(registry, threads)] == [None] * 6
    assert registry.pulls == 1


@pytest.mark.parametrize(
    "data", [error_response(404, "manifest unknown"), OK + b'{"error":"manifest unknown"}\n', OK + b'{"errorDetail":'
             b'{"message":"manifest unknown"}}']
)  # fmt: skip
def test_all_launches_that_share_a_pull_get_its_error(data: bytes) -> None:
    registry = Registry(data)
    with ThreadPoolExecutor(6) as threads:
        for future in pulls_at_once(registry, threads):
            with pytest.raises(ImagePullError, match=r"manifest unknown.*check its name and its tag"):
                future.result(120)
    assert registry.pulls == 1


def test_a_later_launch_pulls_again_and_one_that_began_before_does_not() -> None:
    registry = Registry(OK)
    registry.released.set()
    images = Images(registry.open_pull)
    for since in (0.0, 0.0, float("inf")):
        images.pull(PULL, since, StopToken())
    assert registry.pulls == 2


def test_a_stop_ends_the_wait_for_a_pull_and_the_pull_itself() -> None:
    response, engine = response_of(OK)
    images = Images(lambda query, headers: response)
    pulling = threading.Semaphore(0)
    leader, waiting = WaitingToken(pulling), StopToken()
    with engine, ThreadPoolExecutor(2) as threads:
        first = threads.submit(images.pull, PULL, 0.0, leader)
        assert pulling.acquire(timeout=60)
        second = threads.submit(images.pull, PULL, 0.0, waiting)
        waiting.stop()
        with pytest.raises(Stopped):
            second.result(120)
        leader.stop()
        with pytest.raises(Stopped):
            first.result(120)
    assert response.fileno() == -1


def test_the_login_of_the_settings_is_sent_with_the_pull() -> None:
    sent: list[Mapping[str, str]] = []

    def open_pull(query: Any, headers: Mapping[str, str]) -> StreamingResponse:
        sent.append(headers)
        return whole_response(OK)

    login = {"username": "me", "password": "x"}
    Images(open_pull, {}).pull(Pull("registry.example/a:1", login=login), 0.0, StopToken())
    assert json.loads(base64.urlsafe_b64decode(sent[0]["X-Registry-Auth"])) == login


@pytest.mark.parametrize(
    "refusal",
    [error_response(404, "pull access denied for a"), OK + b'{"error":"unauthorized: authentication required"}\n'],
)
def test_a_registry_that_wants_a_login_tells_why_none_was_sent(tmp_path: Path, refusal: bytes) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere"}')
    images = Images(lambda query, headers: whole_response(refusal), {"DOCKER_CONFIG": str(tmp_path)})
    with pytest.raises(ImagePullError, match=r"login. No login was sent: docker-credential-nowhere.*not installed"):
        images.pull(PULL, 0.0, StopToken())


class Terminal(io.StringIO):
    def __init__(self, tty: bool) -> None:
        super().__init__()
        self.isatty = lambda: tty


def progress_of(tty: bool, *lines: dict[str, Any]) -> str:
    with closing(Terminal(tty)) as screen:
        with Progress("a:1", screen, interval=0) as progress:
            for line in lines:
                progress.show(line)
        return screen.getvalue()


def test_an_image_that_is_up_to_date_shows_nothing() -> None:
    assert progress_of(True, {"status": "Pulling from a", "id": "1"}, {"status": "Status: Image is up to date"}) == ""


def test_without_a_terminal_the_start_and_the_end_are_shown() -> None:
    loading = {"status": "Downloading", "id": "l", "progressDetail": {"current": 1, "total": 2}}
    assert progress_of(False, {"status": "Pulling fs layer", "id": "l"}, loading) == "Pulling a:1 ...\nPulled a:1\n"


def loading(current: int) -> dict[str, Any]:
    return {"status": "Downloading", "id": "l", "progressDetail": {"current": current, "total": 8_000_000}}


def test_on_a_terminal_one_line_with_a_bar_is_rewritten() -> None:
    shown = progress_of(True, {"status": "Pulling fs layer", "id": "l"}, loading(2_000_000), loading(8_000_000))
    lines = [line.rstrip() for line in shown.split("\r")]
    assert lines == [
        "Pulling a:1 [                    ]",
        "Pulling a:1 [=====               ] 2.0 of 8.0 MB",
        "Pulling a:1 [====================] 8.0 of 8.0 MB",
        "Pulled a:1",
    ]
    assert shown.count("\n") == 1


def test_a_line_is_not_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert progress_of(True, loading(1)).split("\r")[0] == "Pulling a:1 [      "


class BarOn(StreamProxy):
    """A progress bar that replaces a screen."""

    def __init__(self, behind: object) -> None:
        self.behind = behind
        self.notes: list[str] = []

    def write_lines(self, lines: list[str]) -> None:
        raise AssertionError(f"printed above the bar: {lines}")

    def note(self, screen: object, key: object, text: str) -> bool:
        if screen is self.behind:
            self.notes.append(text)
        return screen is self.behind


@pytest.mark.parametrize("error", [None, ImagePullError("gone")])
def test_under_a_progress_bar_a_pull_is_a_note_in_it(error: Exception | None) -> None:
    with closing(Terminal(True)) as screen, redirect_stderr(cast("TextIO", bar := BarOn(screen))):
        with suppress(ImagePullError), Progress("a:1", screen) as progress:
            progress.show(loading(2_000_000))
            if error is not None:
                raise error
        assert screen.getvalue() == ""
    assert bar.notes == ["pulling a:1 2.0 of 8.0 MB", ""]


def test_a_bar_on_another_screen_does_not_matter() -> None:
    with redirect_stderr(cast("TextIO", BarOn(None))):
        assert progress_of(False, loading(1)) == "Pulling a:1 ...\nPulled a:1\n"
