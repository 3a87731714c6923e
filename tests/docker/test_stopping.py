"""Requests to stop a container, and the connections that they are sent on. The responses are scripted."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from launchpad import EngineUnavailable
from launchpad.core.retries import Transient
from launchpad.docker.stopping import StopRequest
from launchpad.net.http import StreamingResponse

from .scripted import error_response, response_of

ACCEPTED = b"HTTP/1.0 204 No Content\r\n\r\n"
BUSY = error_response(503, "busy")


class ScriptedApi:
    """Responds to each request with one of `script`; None refuses the connection."""

    def __init__(self, *script: bytes | None) -> None:
        self.actions: list[str] = []
        self.ends: list[socket.socket] = []
        self.max_outage = 0.0
        self._script = list(script)

    def send(self, container: str, action: str, query: Any) -> StreamingResponse:
        self.actions.append(action)
        data = self._script.pop(0)
        if data is None:
            raise Transient("refused")
        response, end = response_of(data)
        self.ends.append(end)
        return response

    def are_all_closed(self) -> bool:
        """Whether the other end of every connection was closed."""
        received = []
        for end in self.ends:
            with end:
                received.append(b"".join(iter(lambda end=end: end.recv(4096), b"")))  # type: ignore[misc]
        return all(data == b"request" for data in received)


def test_an_accepted_request_is_done() -> None:
    api = ScriptedApi(ACCEPTED)
    request = StopRequest("c", api)
    request.send("stop", {})
    request.follow_up()
    assert (request.response, request.due, api.actions) == (None, None, ["stop"])
    assert api.are_all_closed()


@pytest.mark.parametrize("response", [BUSY, b"", None])
def test_a_request_that_was_not_accepted_is_sent_again_later(response: bytes | None) -> None:
    api = ScriptedApi(response)
    request = StopRequest("c", api)
    request.send("stop", {})
    if response == b"":
        api.ends[-1].shutdown(socket.SHUT_WR)
    request.follow_up()
    assert request.due is not None
    assert api.are_all_closed()


def test_a_request_replaces_the_one_before() -> None:
    api = ScriptedApi(b"", ACCEPTED)
    request = StopRequest("c", api)
    request.send("stop", {})
    request.send("kill", {})
    request.follow_up()
    assert (api.actions, request.response) == (["stop", "kill"], None)
    assert api.are_all_closed()


@pytest.mark.parametrize("response", [ACCEPTED, BUSY, None])
def test_a_last_request_leaves_no_connection_open(response: bytes | None) -> None:
    api = ScriptedApi(response)
    request = StopRequest("c", api)
    request.send_last("kill", {})
    assert (request.response, request.due, api.actions) == (None, None, ["kill"])
    assert api.are_all_closed()


@pytest.mark.parametrize("response", [ACCEPTED, BUSY])
def test_a_container_that_survives_the_request_to_kill_it_is_given_up(response: bytes) -> None:
    api = ScriptedApi(ACCEPTED, response)
    request = StopRequest("c", api)
    request.send("stop", {})
    request.follow_up()
    request.check("c")
    request.send("kill", {})
    request.follow_up()
    with pytest.raises(EngineUnavailable, match="its end is not reported"):
        request.check("c")
    request.close()
    assert api.are_all_closed()
