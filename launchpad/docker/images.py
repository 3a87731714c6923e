"""Images: pulled as the policy says, once for all launches that need one at the same time."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from ..core.cancellation import StopToken
from ..core.retries import Transient, transient
from ..errors import EngineUnavailable, ImagePullError, LaunchError
from ..net.http import Query, StreamingResponse
from ..net.limits import NOT_UNDERSTOOD, LineSplitter
from ..net.wakeup import readable
from ..secret import SecretMapping
from . import references
from .errors import ApiError
from .logins import Login, find_login
from .pull_progress import Progress
from .words import REFUSED_PULLS, advice_on

SHARING_WINDOW = 0.2
"""Seconds after a pull's end in which launches still share it: they needed the image at the same time."""

OpenPull = Callable[[Query, Mapping[str, str]], StreamingResponse]
"""Sends the request for a pull, with this query and these headers. Transient."""


@attrs.frozen
class Pull:
    """What is pulled, and how. `login` is a mapping of `username` and `password`; None: that of docker's config."""

    image: str
    platform: str | None = None
    login: dict[str, str] | None = attrs.field(default=None, repr=False)
    show_progress: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        return self.image, self.platform


@attrs.define(eq=False)
class _Pending:
    """A pull under way, by the thread that began it. The others wait."""

    done: bool = False
    error: LaunchError | None = None
    given_up: bool = False


class Images:
    """Pulls images for one backend. Thread-safe."""

    def __init__(self, open_pull: OpenPull, environ: Mapping[str, str] = os.environ) -> None:
        self._open_pull = open_pull
        self._environ = environ  # names docker's config file, which has logins
        self._changed = threading.Condition()  # guards all below
        self._pending: dict[tuple[str, str | None], _Pending] = {}
        self._pulled_at: dict[tuple[str, str | None], float] = {}

    def pull(self, wanted: Pull, since: float, stop_token: StopToken) -> None:
        """Pulls an image, or waits for a pull of it that is under way and shares its error.

        An image that was pulled after `since` (monotonic), or just before, is not pulled again. Raises ImagePullError,
        and Stopped as soon as `stop_token` is stopped; then one of the threads that wait pulls the image.
        """
        while True:
            stop_token.check()
            with self._changed:
                if self._pulled_at.get(wanted.key, float("-inf")) > since - SHARING_WINDOW:
                    return
                pending = self._pending.get(wanted.key)
                if ours := pending is None:
                    pending = self._pending[wanted.key] = _Pending()
            if ours:
                self._lead(pending, wanted, stop_token)
                return
            self._wait(pending, stop_token)
            if pending.error is not None:
                raise type(pending.error)(*pending.error.args) from None
            if not pending.given_up:
                return

    def _lead(self, pending: _Pending, wanted: Pull, stop_token: StopToken) -> None:
        pending.given_up = True  # until it comes to an end below
        try:
            transient(stop_token)(lambda: self._pull_once(wanted, stop_token))
            pending.given_up = False
        except Transient as error:
            pending.error = ImagePullError(f"The image {wanted.image!r} could not be pulled: {error}. Try again later.")
            raise pending.error from error.__cause__
        except LaunchError as error:
            pending.error = error
            raise
        finally:
            with self._changed:
                del self._pending[wanted.key]
                pending.done = True
                if not pending.given_up and pending.error is None:
                    self._pulled_at[wanted.key] = time.monotonic()
                self._changed.notify_all()

    def _wait(self, pending: _Pending, stop_token: StopToken) -> None:
        with stop_token.listening(self._wake), self._changed:
            self._changed.wait_for(lambda: pending.done or stop_token.stopped)
        stop_token.check()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _pull_once(self, wanted: Pull, stop_token: StopToken) -> None:
        reference = references.parse(wanted.image)
        query: Query = {"fromImage": reference.name, "tag": reference.pulled, "platform": wanted.platform}
        given = None if wanted.login is None else Login(wanted.login)
        login = given or find_login(reference.registry, SecretMapping(self._environ), stop_token)
        stop_token.check()
        response = self._open_pull(query, login.header)
        with contextlib.closing(response), stop_token.listening(response.shutdown):
            try:
                progress = Progress(wanted.image, sys.stderr if wanted.show_progress else None)
                _follow(response, progress, stop_token)
            except Transient:
                stop_token.check()
                raise
            except NOT_UNDERSTOOD as error:
                raise EngineUnavailable(
                    f"The pull of {wanted.image!r} failed: the engine does not answer as a Docker Engine does."
                ) from error
            except ApiError as error:
                raise pull_error(wanted.image, error.message, login.trouble) from None


def _follow(response: StreamingResponse, progress: Progress, stop_token: StopToken) -> None:
    """Reads the pull's stream to its end. An error in it is an ApiError, whatever the status was."""
    response.wait_success(None)
    with progress:
        for line in _lines(response):
            stop_token.check()
            if message := line.get("error") or (line.get("errorDetail") or {}).get("message"):
                raise ApiError(str(message), response.status or 0)
            progress.show(line)
    stop_token.check()


def _lines(response: StreamingResponse) -> Iterator[dict[str, Any]]:
    lines = LineSplitter()
    while (data := response.read()) != b"":
        if data is None:
            readable([response], None)
        else:
            yield from map(json.loads, lines.feed(data))
    yield from map(json.loads, lines.finish())


def pull_error(image: str, message: str, login_trouble: str = "") -> ImagePullError:
    """The error of an image that could not be pulled, with advice. `login_trouble`: why no login was sent."""
    advice = advice_on(message, REFUSED_PULLS) or "check that the engine can reach the registry"
    trouble = f" No login was sent: {login_trouble}." if login_trouble else ""
    return ImagePullError(
        f"The image {image!r} could not be pulled: {message.strip().rstrip('.')}. To do: {advice}.{trouble}"
    )
