"""Listing and watching, by a scripted API server: whatever breaks, nothing is missed."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from launchpad import LaunchError
from launchpad.core.retries import Transient
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.events import ListAndWatch


def item(name: str, version: int, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version), "labels": labels}}


def event(kind: str, name: str, version: int) -> bytes:
    return json.dumps({"type": kind, "object": item(name, version)}).encode() + b"\n"


class Scripted:
    """A stream that gives its pieces, one a read: bytes, None for the end, errors to raise; then nothing."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self._pieces = list(pieces)
        self._ends = socket.socketpair()
        self.accepted = not (pieces and isinstance(pieces[0], Exception))
        self.closed = False

    def read(self) -> bytes | None:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def fileno(self) -> int:
        return self._ends[0].fileno()

    def close(self) -> None:
        self.closed = True
        for end in self._ends:
            end.close()


class Server:
    """An API server that lists and streams what it was told to, in order, and notes what it was asked."""

    def __init__(self, listings: list[Any], streams: list[Scripted]) -> None:
        self.listings, self.streams = list(listings), list(streams)
        self.asked: list[dict[str, object]] = []

    def request(self, method: str, path: str, query: dict[str, object]) -> Any:
        self.asked.append(dict(query))
        page = self.listings.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    def stream(self, path: str, query: dict[str, object]) -> Scripted:
        self.asked.append(dict(query))
        return self.streams.pop(0)


def listing(version: int, *items: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def jobs(server: Server, silence: float = 40.0) -> ListAndWatch:
    return ListAndWatch(server, "/jobs", "job", silence)  # type: ignore[arg-type]


def told(events: ListAndWatch) -> list[tuple[str, bool]]:
    """What one opened stream tells, until it ends or breaks: names, and whether they are gone."""
    told: list[tuple[str, bool]] = []
    try:
        told.extend((fact[1].name, fact[1].gone) for fact in events.open() if fact is not None and fact[0] is not None)
    except Transient:
        told.append(("broke", True))
    return told


def test_what_is_there_is_listed_and_what_happens_is_told() -> None:
    server = Server([listing(5, item("a", 3))], [Scripted(event("ADDED", "b", 6), event("DELETED", "a", 7), None)])
    assert told(jobs(server)) == [("a", False), ("b", False), ("a", True)]
    assert server.asked[1]["resourceVersion"] == "5"


def test_the_end_of_a_listing_of_jobs_is_told_to_all() -> None:
    streams = [Scripted(event("ADDED", "b", 6), None), Scripted(event("ADDED", "c", 7), None)]
    events = jobs(Server([listing(5, item("a", 3))], streams))
    assert [fact and fact[0] for fact in events.open()] == ["a", None, "b"]
    assert [fact and fact[0] for fact in events.open()] == ["c"]


def test_a_long_listing_comes_in_pages() -> None:
    server = Server([listing(5, item("a", 3), more="x"), listing(5, item("b", 4))], [Scripted(None)])
    assert told(jobs(server)) == [("a", False), ("b", False)]
    assert server.asked[1]["continue"] == "x"


def test_after_its_end_or_a_break_a_watch_goes_on_from_where_it_was_without_a_listing() -> None:
    for end in (None, Transient("cut")):
        server = Server([listing(5)], [Scripted(event("ADDED", "a", 6), end), Scripted(event("ADDED", "b", 7), None)])
        events = jobs(server)
        assert told(events)[0] == ("a", False)
        assert told(events) == [("b", False)]
        assert server.asked[-1]["resourceVersion"] == "6"


def test_a_bookmark_moves_the_watch_on() -> None:
    server = Server([listing(5)], [Scripted(event("BOOKMARK", "", 90), None), Scripted(None)])
    events = jobs(server)
    assert told(events) + told(events) == []
    assert server.asked[-1]["resourceVersion"] == "90"


@pytest.mark.parametrize(
    "expiry",
    [
        b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}\n',
        ApiError("too old", 410, "Expired"),
    ],
)
def test_where_the_server_has_forgotten_what_was_there_is_listed_anew(expiry: bytes | Exception) -> None:
    second = listing(80, item("b", 70))
    server = Server(
        [listing(5, item("a", 3), item("b", 3)), second], [Scripted(None), Scripted(expiry), Scripted(None)]
    )
    events = jobs(server)
    assert told(events) == [("a", False), ("b", False)]
    assert told(events) == [("broke", True)]
    assert told(events) == [("b", False), ("a", True)]


def test_what_was_listed_and_not_told_is_listed_again() -> None:
    streams = [Scripted(None), Scripted(ApiError("", 410, "")), Scripted(Transient("cut")), Scripted(None)]
    server = Server([listing(5, item("a", 3)), listing(9), listing(9)], streams)
    events = jobs(server)
    told(events)
    told(events)
    assert told(events) == [("broke", True)]
    assert told(events) == [("a", True)]


def test_events_that_come_in_pieces_are_whole() -> None:
    whole = event("ADDED", "a", 6) + event("ADDED", "b", 7)
    server = Server([listing(5)], [Scripted(whole[:10], whole[10:-30], whole[-30:], None)])
    assert told(jobs(server)) == [("a", False), ("b", False)]


def test_a_watch_that_is_silent_for_too_long_is_taken_to_be_dead() -> None:
    server = Server([listing(5)], [Scripted()])
    assert told(jobs(server, silence=0.05)) == [("broke", True)]


def test_a_right_that_is_missing_is_an_error_until_it_was_there_once() -> None:
    refused = ApiError("not allowed", 403, "Forbidden")
    with pytest.raises(LaunchError, match="not allowed"):
        jobs(Server([refused], [])).open()
    events = jobs(Server([listing(5)], [Scripted(None), Scripted(refused)]))
    told(events)
    assert told(events) == [("broke", True)]


def test_pods_are_told_under_the_name_of_their_job_and_those_of_none_not_at_all() -> None:
    server = Server([listing(5, item("j-x", 3, **{"job-name": "j"}), item("alone", 3))], [Scripted(None)])
    watch = ListAndWatch(server, "/pods", "pod").open()  # type: ignore[arg-type]
    assert [(key, fact.name) for key, fact in filter(None, watch)] == [("j", "j-x")]


def test_a_watch_that_is_closed_ends_and_lets_go_of_its_stream() -> None:
    for followed in (True, False):
        stream = Scripted()
        watch = jobs(Server([listing(5, item("a", 3))], [stream])).open()
        if followed:
            assert next(iter(watch)) is not None
        watch.close()
        assert stream.closed or list(watch) == []
        assert stream.closed
