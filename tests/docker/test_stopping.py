"""Orders to a container, and the connections that they are sent on."""

from __future__ import annotations

import socket

from launchpad.core.retries import Transient
from launchpad.docker.stopping import StopRequest
from launchpad.net.exchange import StreamingResponse, request


class DockerApi:
    """Takes orders, each on a connection of its own; `answers` are sent at once, None is a connection refused."""

    def __init__(self, *answers: bytes | None) -> None:
        self.orders: list[str] = []
        self.ends: list[socket.socket] = []
        self._answers = list(answers)

    def send(self, container: str, order: str, query: dict[str, str | int | None]) -> StreamingResponse:
        self.orders.append(order)
        answer = self._answers.pop(0)
        if answer is None:
            raise Transient("refused")
        ours, theirs = socket.socketpair()
        theirs.sendall(answer)
        theirs.settimeout(5)
        self.ends.append(theirs)
        return StreamingResponse(ours, request("POST", f"/{order}"))

    def heard(self) -> bytes:
        """What came on the last connection, until it was closed."""
        with self.ends[-1] as end:
            return b"".join(iter(lambda: end.recv(4096), b""))


TAKEN = b"HTTP/1.0 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.0 503 Service Unavailable\r\n\r\n"


def test_an_order_that_was_taken_is_over() -> None:
    engine = DockerApi(TAKEN)
    order = StopRequest("c", engine)
    order.give("stop", {})
    order.follow_up()
    assert (order.answer, order.due) == (None, None)
    assert engine.heard().startswith(b"POST /stop")


def test_an_order_that_was_not_taken_is_sent_again_later() -> None:
    for answer in (BUSY, b"", None):
        engine = DockerApi(answer)
        order = StopRequest("c", engine)
        order.give("stop", {})
        if answer == b"":
            engine.ends[-1].close()
        order.follow_up()
        assert order.due is not None
        for end in engine.ends:
            end.close()


def test_an_order_takes_the_place_of_the_one_before() -> None:
    engine = DockerApi(b"", TAKEN)
    order = StopRequest("c", engine)
    order.give("stop", {})
    order.give("kill", {})
    order.follow_up()
    assert (engine.orders, order.answer) == (["stop", "kill"], None)
    engine.heard()
    engine.ends[0].close()


def test_an_order_that_nobody_follows_up_leaves_no_connection_open() -> None:
    for answer in (TAKEN, BUSY, None):
        engine = DockerApi(answer)
        order = StopRequest("c", engine)
        order.give_once("kill", {})
        assert (order.answer, order.due, engine.orders) == (None, None, ["kill"])
        assert all(engine.heard().startswith(b"POST /kill") for _ in engine.ends)
