"""Images: pulled when the policy says so, once for all who need one at the same time."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from docker import APIClient, auth
from docker.errors import DockerException

from ..core.cancellation import StopToken
from ..core.retries import Transient, transient
from ..errors import ImagePullError, LaunchError
from ..net.exchange import Query, StreamingResponse, refusal, request
from . import references
from .connections import readable
from .pull_progress import Progress

ANSWER = 60.0
"""Seconds that the engine may take to say why it refuses a pull."""


SAME_TIME = 0.2
"""Seconds for which a pull that has ended is still one of the same time."""


@attrs.define(eq=False)
class _Pull:
    """One pull under way: the thread that began it does it, others wait."""

    done: bool = False
    error: LaunchError | None = None
    given_up: bool = False


class Images:
    """Pulls images for one backend. Thread-safe."""

    def __init__(self, client: APIClient, send: Callable[[bytes], StreamingResponse]) -> None:
        self._client = client
        self._send = send
        self._changed = threading.Condition()  # guards the pulls under way
        self._pulls: dict[tuple[str, str | None], _Pull] = {}
        self._pulled_at: dict[tuple[str, str | None], float] = {}

    def pull(
        self,
        image: str,
        login: dict[str, str] | None,
        platform: str | None,
        since: float,
        stop_token: StopToken,
        *,
        shown: bool,
    ) -> None:
        """Pulls `image`, or waits for who is pulling it already, and gets its error.

        One that has come since `since` (monotonic), or just before, is new enough. ImagePullError; Stopped as soon as
        `stop_token` is stopped: then one of those who wait goes on with the pull.
        """
        while True:
            stop_token.check()
            with self._changed:
                if self._pulled_at.get((image, platform), float("-inf")) > since - SAME_TIME:
                    return
                pull = self._pulls.get((image, platform))
                ours = pull is None
                if pull is None:
                    pull = self._pulls[image, platform] = _Pull()
            if ours:
                self._lead(pull, image, login, platform, stop_token, shown)
                return
            self._await(pull, stop_token)
            if pull.error is not None:
                raise type(pull.error)(*pull.error.args) from pull.error
            if not pull.given_up:
                return

    def _lead(
        self,
        pull: _Pull,
        image: str,
        login: dict[str, str] | None,
        platform: str | None,
        stop_token: StopToken,
        shown: bool,
    ) -> None:
        pull.given_up = True  # unless it comes to an end below
        try:
            transient(stop_token)(lambda: self._pull_once(image, login, platform, stop_token, shown))
            pull.given_up = False
        except Transient as error:
            pull.error = ImagePullError(f"The image {image!r} cannot be pulled: {error}. Try again later.")
            raise pull.error from error
        except LaunchError as error:
            pull.error = error
            raise
        finally:
            with self._changed:
                del self._pulls[image, platform]
                pull.done = True
                if not pull.given_up and pull.error is None:
                    self._pulled_at[image, platform] = time.monotonic()
                self._changed.notify_all()

    def _await(self, pull: _Pull, stop_token: StopToken) -> None:
        with stop_token.listening(self._wake), self._changed:
            self._changed.wait_for(lambda: pull.done or stop_token.stopped)
        stop_token.check()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _pull_once(
        self, image: str, login: dict[str, str] | None, platform: str | None, stop_token: StopToken, shown: bool
    ) -> None:
        reference = references.parse(image)
        query: Query = {"fromImage": reference.name, "tag": reference.pulled, "platform": platform}
        headers = self._login_header(reference.name, login)
        exchange = self._send(request("POST", "/images/create", query, headers))
        with contextlib.closing(exchange), stop_token.listening(exchange.end):
            try:
                _follow(exchange, Progress(image, sys.stderr if shown else None), image, stop_token)
            except OSError as error:
                stop_token.check()
                raise Transient(f"the connection broke: {error}") from error

    def _login_header(self, repository: str, login: dict[str, str] | None) -> dict[str, str]:
        try:
            if login is not None:
                return {"X-Registry-Auth": auth.encode_header(login).decode("ascii")}
            registry, _ = auth.resolve_repository_name(repository)
            header = auth.get_config_header(self._client, registry)
        except DockerException as error:
            raise ImagePullError(
                f"The login for {repository!r} cannot be had from docker's config: {error}."
            ) from error
        return {} if header is None else {"X-Registry-Auth": header.decode("ascii")}


def _follow(exchange: StreamingResponse, progress: Progress, image: str, stop_token: StopToken) -> None:
    """Reads the pull's stream to its end; its error lines are errors, whatever its status was."""
    exchange.answered(None)
    if exchange.status != 200:
        message = refusal(exchange, ANSWER)
        if exchange.status in (429, 502, 503, 504):
            raise Transient(message)
        raise refused(image, message)
    with progress:
        for line in _lines(exchange):
            stop_token.check()
            if fault := line.get("error") or (line.get("errorDetail") or {}).get("message"):
                raise refused(image, str(fault))
            progress.show(line)
    stop_token.check()


def _lines(exchange: StreamingResponse) -> Iterator[dict[str, Any]]:
    rest = b""
    while (data := exchange.read()) != b"":
        if data is None:
            readable([exchange], None)
            continue
        *lines, rest = (rest + data).split(b"\n")
        yield from (json.loads(line) for line in lines if line.strip())
    if rest.strip():
        yield json.loads(rest)


def refused(image: str, message: str) -> ImagePullError:
    """The error for an image that cannot be had, with what to do."""
    text = message.lower()
    if "unauthorized" in text or "denied" in text or "no basic auth" in text or "authentication required" in text:
        advice = "check the name, and the login: registry_auth, or docker login"
    elif "not found" in text or "manifest unknown" in text or "no such image" in text:
        advice = "check its name and its tag"
    elif "no space left" in text:
        advice = "free some space on the engine's disk (docker system prune)"
    elif "too many requests" in text or "toomanyrequests" in text:
        advice = "log in to the registry, or try again later"
    else:
        advice = "check that the engine can reach the registry"
    return ImagePullError(f"The image {image!r} cannot be had: {message.strip().rstrip('.')}. To do: {advice}.")
