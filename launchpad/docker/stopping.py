"""Requests to stop or kill a container: sent without waiting, and again until the engine has accepted them."""

from __future__ import annotations

import logging
import time

from ..core.retries import Transient
from ..errors import EngineUnavailable
from ..net.http import Query, StreamingResponse
from .api import DockerApi

RETRY_INTERVAL = 1.0
"""Seconds until a request that the engine did not accept is sent again."""

LAST_TIMEOUT = 5.0
"""Seconds for the response to a request that will not be sent again."""

_ACCEPTED = (204, 304, 404, 409)  # done, not needed, the container is gone, it does not run

_logger = logging.getLogger("launchpad")


class StopRequest:
    """The latest request to stop or kill one container. Owned by the thread that polls."""

    def __init__(self, container: str, api: DockerApi) -> None:
        self.response: StreamingResponse | None = None
        """Of a request under way: to be waited for."""
        self.due: float | None = None
        """When (monotonic) the request is to be sent again."""
        self.deadline: float | None = None
        """When (monotonic) the container must have ended; None before the first request to kill it."""
        self._container = container
        self._api = api
        self._action = ""
        self._query: Query = {}
        self._said = "the engine has not answered"

    def send(self, action: str, query: Query) -> None:
        """Sends a request in place of the one before, and returns at once."""
        self.close()
        self._action, self._query = action, query
        if action == "kill" and self.deadline is None:
            self.deadline = time.monotonic() + self._api.max_outage
        self._send()

    def send_last(self, action: str, query: Query) -> None:
        """Sends a request that is not followed up, and waits until the engine has accepted it."""
        self.send(action, query)
        try:
            if self.response is not None:
                self.response.wait_head(LAST_TIMEOUT)
        except Transient as error:
            _logger.debug("Container %s: it is unknown whether the %s arrived: %s", self._container, action, error)
        finally:
            self.close()

    def follow_up(self) -> None:
        """Reads a response that has arrived, and sends the request again if that is due."""
        if self.response is not None:
            self._read(self.response)
        elif self.due is not None and time.monotonic() >= self.due:
            self._send()

    def check(self, name: str) -> None:
        """Raises EngineUnavailable if the container goes on long after the request to kill it."""
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise EngineUnavailable(
                f"Container {name!r} was to be killed, and its end is not reported after {self._api.max_outage:g} s: "
                f"{self._said}. It may still run: look at the log of the engine."
            )

    def close(self) -> None:
        if self.response is not None:
            self.response.close()
        self.response = self.due = None

    def _send(self) -> None:
        self.due = None
        try:
            self.response = self._api.send(self._container, self._action, self._query)
        except Transient as error:
            self._said = str(error)
            self.due = time.monotonic() + RETRY_INTERVAL

    def _read(self, response: StreamingResponse) -> None:
        try:
            if not response.wait_head():
                return
            status = response.status
            self._said = f"the engine answers with status {status}"
        except Transient as error:
            status, self._said = None, str(error)
        self.close()
        if status not in _ACCEPTED:
            _logger.info("Container %s: the %s is sent again: %s", self._container, self._action, self._said)
            self.due = time.monotonic() + RETRY_INTERVAL
