"""Orders to a container (stop, kill): sent without waiting, and sent again until the engine has taken them."""

from __future__ import annotations

import logging
import time
from typing import Protocol

from ..core.retries import Transient
from ..net.exchange import StreamingResponse

AGAIN = 1.0
"""Seconds until an order that the engine did not take is sent again."""

ANSWER = 5.0
"""Seconds that the engine has to take an order that will not be sent again."""

_TAKEN = (204, 304, 404, 409)  # done, not needed, gone, not running

_logger = logging.getLogger("launchpad")


class Sends(Protocol):
    def send(self, container: str, order: str, query: dict[str, str | int | None]) -> StreamingResponse:
        """Transient where the engine cannot be reached."""
        ...


class StopRequest:
    """The last order to one container. Owned by the thread that polls."""

    def __init__(self, container: str, engine: Sends) -> None:
        self.answer: StreamingResponse | None = None
        self.due: float | None = None
        """When (monotonic) it is to be sent again."""

        self._container = container
        self._engine = engine
        self._what = ""
        self._query: dict[str, str | int | None] = {}

    def give(self, what: str, query: dict[str, str | int | None]) -> None:
        """Sends an order in place of the one before; returns at once."""
        self.close()
        self._what, self._query = what, query
        self._send()

    def give_once(self, what: str, query: dict[str, str | int | None]) -> None:
        """Sends an order that nobody will follow up, and waits until the engine has taken it."""
        self.give(what, query)
        try:
            if self.answer is not None:
                self.answer.answered(ANSWER)
        except OSError as error:
            _logger.debug("Container %s: it is not known whether it was told to %s: %s", self._container, what, error)
        finally:
            self.close()

    def follow_up(self) -> None:
        """Looks for an answer, and sends the order again if it is due."""
        if self.answer is not None:
            self._hear()
        elif self.due is not None and time.monotonic() >= self.due:
            self._send()

    def close(self) -> None:
        if self.answer is not None:
            self.answer.close()
        self.answer = self.due = None

    def _send(self) -> None:
        self.due = None
        try:
            self.answer = self._engine.send(self._container, self._what, self._query)
        except Transient:
            self.due = time.monotonic() + AGAIN

    def _hear(self) -> None:
        assert self.answer is not None
        try:
            if not self.answer.answered():
                return
            status = self.answer.status
        except OSError:
            status = None
        self.close()
        if status not in _TAKEN:
            _logger.info("Container %s: the order to %s is sent again (status %s)", self._container, self._what, status)
            self.due = time.monotonic() + AGAIN
