"""List and watch, on a scripted API server: no change is missed, whatever breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from launchpad import LaunchError
from launchpad.core.retries import Transient
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.events import ListAndWatch

from .scripted import CUT, END, ScriptedStream


def item(name: str, version: int, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version), "labels": labels}}


def event(kind: str, name: str, version: int) -> bytes:
    return json.dumps({"type": kind, "object": item(name, version)}).encode() + b"\n"


class Server:
    """Returns the listings and the streams in order, and records the queries."""

    server = "https://server.example"

    def __init__(self, listings: list[Any], streams: list[ScriptedStream]) -> None:
        self.listings, self.streams = list(listings), list(streams)
        self.queries: list[dict[str, object]] = []

    def request(self, method: str, path: str, query: dict[str, object]) -> Any:
        self.queries.append(dict(query))
        page = self.listings.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    def stream(self, path: str, query: dict[str, object]) -> ScriptedStream:
        self.queries.append(dict(query))
        return self.streams.pop(0)


def listing(version: int, *items: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)}


def jobs(server: Server, silence: float = 40.0) -> ListAndWatch:
    return ListAndWatch(server, "/jobs", "job", silence)  # type: ignore[arg-type]


def reported(events: ListAndWatch) -> list[tuple[str, bool]]:
    """What one stream reports until it ends or breaks: names, and whether they are gone."""
    facts: list[tuple[str, bool]] = []
    try:
        facts.extend((fact[1].name, fact[1].gone) for fact in events.open() if fact is not None and fact[0] is not None)
    except Transient:
        facts.append(("broke", True))
    return facts


def test_existing_objects_are_listed_and_changes_are_reported() -> None:
    server = Server([listing(5, item("a", 3))], [ScriptedStream(event("ADDED", "b", 6), event("DELETED", "a", 7), END)])
    assert reported(jobs(server)) == [("a", False), ("b", False), ("a", True)]
    assert server.queries[1]["resourceVersion"] == "5"


def test_the_end_of_a_listing_of_jobs_is_reported_to_all_listeners() -> None:
    streams = [ScriptedStream(event("ADDED", "b", 6), END), ScriptedStream(event("ADDED", "c", 7), END)]
    events = jobs(Server([listing(5, item("a", 3))], streams))
    assert [fact and fact[0] for fact in events.open()] == ["a", None, "b"]
    assert [fact and fact[0] for fact in events.open()] == ["c"]


def test_a_watch_that_is_to_list_again_ends_and_the_next_one_begins_with_the_listing() -> None:
    streams = [ScriptedStream(), ScriptedStream(event("ADDED", "c", 10), END)]
    events = jobs(Server([listing(5, item("a", 3)), listing(9, item("b", 8))], streams))
    for name, fact in filter(None, events.open()):
        if name is None:
            assert fact.kind == "listing"
            events.list_again()
    assert reported(events) == [("b", False), ("a", True), ("c", False)]
    assert streams[0].closed


def test_a_long_listing_comes_in_pages() -> None:
    server = Server([listing(5, item("a", 3), more="x"), listing(5, item("b", 4))], [ScriptedStream(END)])
    assert reported(jobs(server)) == [("a", False), ("b", False)]
    assert server.queries[1]["continue"] == "x"


def test_after_its_end_or_a_break_a_watch_continues_from_its_last_version_without_a_listing() -> None:
    for end in (END, CUT):
        server = Server(
            [listing(5)], [ScriptedStream(event("ADDED", "a", 6), end), ScriptedStream(event("ADDED", "b", 7), END)]
        )
        events = jobs(server)
        assert reported(events)[0] == ("a", False)
        assert reported(events) == [("b", False)]
        assert server.queries[-1]["resourceVersion"] == "6"


def test_a_bookmark_advances_the_version() -> None:
    server = Server([listing(5)], [ScriptedStream(event("BOOKMARK", "", 90), END), ScriptedStream(END)])
    events = jobs(server)
    assert reported(events) + reported(events) == []
    assert server.queries[-1]["resourceVersion"] == "90"


@pytest.mark.parametrize(
    "expiry",
    [
        b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}\n',
        ApiError("too old", 410, "Expired"),
    ],
)
def test_objects_are_listed_again_if_the_server_has_forgotten_the_version(expiry: bytes | Exception) -> None:
    second = listing(80, item("b", 70))
    server = Server(
        [listing(5, item("a", 3), item("b", 3)), second],
        [ScriptedStream(END), ScriptedStream(expiry), ScriptedStream(END)],
    )
    events = jobs(server)
    assert reported(events) == [("a", False), ("b", False)]
    assert reported(events) == [("broke", True)]
    assert reported(events) == [("b", False), ("a", True)]


def test_a_listing_that_was_not_reported_is_repeated() -> None:
    streams = [ScriptedStream(END), ScriptedStream(ApiError("", 410, "")), ScriptedStream(CUT), ScriptedStream(END)]
    server = Server([listing(5, item("a", 3)), listing(9), listing(9)], streams)
    events = jobs(server)
    reported(events)
    reported(events)
    assert reported(events) == [("broke", True)]
    assert reported(events) == [("a", True)]


def test_events_that_arrive_in_pieces_are_joined() -> None:
    whole = event("ADDED", "a", 6) + event("ADDED", "b", 7)
    server = Server([listing(5)], [ScriptedStream(whole[:10], whole[10:-30], whole[-30:], END)])
    assert reported(jobs(server)) == [("a", False), ("b", False)]


def test_a_watch_that_is_silent_for_too_long_breaks() -> None:
    server = Server([listing(5)], [ScriptedStream()])
    assert reported(jobs(server, silence=0.05)) == [("broke", True)]


def test_a_missing_permission_is_an_error_unless_it_was_there_before() -> None:
    refused = ApiError("not allowed", 403, "Forbidden")
    with pytest.raises(LaunchError, match="not allowed"):
        jobs(Server([refused], [])).open()
    events = jobs(Server([listing(5)], [ScriptedStream(END), ScriptedStream(refused)]))
    reported(events)
    assert reported(events) == [("broke", True)]


def test_pods_are_reported_under_the_name_of_their_job_and_ignored_without_one() -> None:
    server = Server([listing(5, item("j-x", 3, **{"job-name": "j"}), item("alone", 3))], [ScriptedStream(END)])
    watch = ListAndWatch(server, "/pods", "pod").open()  # type: ignore[arg-type]
    assert [(key, fact.name) for key, fact in filter(None, watch)] == [("j", "j-x"), (None, "pod")]


def test_a_closed_watch_ends_and_closes_its_stream() -> None:
    for iterated in (True, False):
        stream = ScriptedStream()
        watch = jobs(Server([listing(5, item("a", 3))], [stream])).open()
        if iterated:
            assert next(iter(watch)) is not None
        watch.close()
        assert stream.closed or list(watch) == []
        assert stream.closed
