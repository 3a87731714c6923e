"""Fixtures for the tests of watchers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helping import QUICK_TIMEOUT

from .streams import Events, Listener, Stream, Watch, WatcherOfEvents


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Makes watchers of streams that are closed after the test."""
    watchers: list[WatcherOfEvents] = []

    def watch(*streams: Stream | BaseException, longest_outage: float = QUICK_TIMEOUT) -> WatcherOfEvents:
        watchers.append(WatcherOfEvents(Events(*streams), longest_outage))
        return watchers[-1]

    yield watch
    for watcher in watchers:
        watcher.events.put(Stream())  # it may be waiting for one
        watcher.close()
