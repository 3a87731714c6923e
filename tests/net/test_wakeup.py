"""A thread that waits for sockets is woken by other threads."""

from __future__ import annotations

import os
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from launchpad.net.wakeup import Wakeup, readable


@pytest.fixture(params=["of this system", "without eventfd and poll"])
def wakeup(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wakeup]:
    if request.param == "without eventfd and poll":
        monkeypatch.delattr(os, "eventfd", raising=False)
        monkeypatch.delattr(select, "poll", raising=False)
    with closing(Wakeup()) as wakeup:
        yield wakeup


def test_a_wakeup_stays_set_until_it_is_cleared(wakeup: Wakeup) -> None:
    assert not wakeup.wait(0)
    for _ in range(3):
        wakeup.set()
    assert wakeup.wait(10)
    assert wakeup.wait(10)
    wakeup.clear()
    wakeup.clear()
    assert not wakeup.wait(0)


def test_another_thread_ends_a_wait_without_a_timeout(wakeup: Wakeup) -> None:
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(wakeup.wait, None)
        wakeup.set()
        assert waiting.result(10)


def test_a_connection_that_can_be_read_ends_a_wait_until_it_can_be_written(wakeup: Wakeup) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                ours.send(bytes(65536))
        assert not wakeup.wait(0, ours, targets=[ours])
        theirs.send(b"x")
        assert wakeup.wait(0, ours, targets=[ours])


def test_no_set_is_lost_between_threads(wakeup: Wakeup) -> None:
    total = 4 * 1000
    items: list[int] = []
    taken = 0

    def produce() -> None:
        for number in range(1000):
            items.append(number)
            wakeup.set()

    with ThreadPoolExecutor(4) as threads:
        producing = [threads.submit(produce) for _ in range(4)]
        while taken < total:
            assert wakeup.wait(10)
            wakeup.clear()
            taken += len(items[taken:])
        assert all(one.result(10) is None for one in producing)
    assert taken == total


def test_a_readable_socket_ends_the_wait(wakeup: Wakeup) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not wakeup.wait(0.001, ours)
        theirs.send(b"x")
        assert wakeup.wait(10, ours)
        assert readable([ours], None)


def test_a_closed_wakeup_ignores_set_and_clear(wakeup: Wakeup) -> None:
    wakeup.close()
    wakeup.close()
    wakeup.set()
    wakeup.clear()
    with pytest.raises(ValueError, match="negative"):
        wakeup.wait(0)


def test_closing_while_others_set_touches_no_other_descriptor() -> None:
    for _ in range(50):
        wakeup, start = Wakeup(), threading.Barrier(3)

        def set_often(wakeup: Wakeup = wakeup, start: threading.Barrier = start) -> None:
            start.wait(10)
            for _ in range(20):
                wakeup.set()
                wakeup.clear()

        with ThreadPoolExecutor(2) as threads:
            setting = [threads.submit(set_often) for _ in range(2)]
            start.wait(10)
            wakeup.close()
            reading, writing = os.pipe()
            assert all(one.result(10) is None for one in setting)
        os.close(writing)
        assert os.read(reading, 1) == b""
        os.close(reading)
