"""Lines reach the screen whole, once and in full, however slow it is."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TextIO

import pytest

from launchpad.core.delivery import Delivery, DeliveryAbandoned, current
from launchpad.core.screen import screen_lock, to_screen, write_lines
from tests.helping import QUICK_TIMEOUT, in_thread

LINES = [f"{number:06} ä" for number in range(40_000)]
"""About 400 KiB: several times what a pipe holds."""


class Pipe:
    """A pipe to write lines to in this thread; another reads it, slowly at first."""

    def __init__(self, *, blocking: bool) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.writing, blocking)
        self.read: Future[bytes] = Future()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        parts = [os.read(self.reading, 1000) for _ in range(20)]
        with open(self.reading, "rb") as rest:
            self.read.set_result(b"".join(parts) + rest.read())


class Echo:
    """A file of a user's own that passes on what is written to it."""

    def __init__(self, behind: TextIO) -> None:
        self.behind = behind

    def write(self, text: str) -> int:
        return self.behind.write(text)

    def flush(self) -> None:
        self.behind.flush()

    def fileno(self) -> int:
        return self.behind.fileno()


def screen_of(fd: int, kind: str) -> TextIO:
    if kind == "unbuffered":  # as sys.stdout after `python -u`
        return io.TextIOWrapper(io.FileIO(fd, "w"), encoding="utf-8", write_through=True)  # type: ignore[type-var]
    file = open(fd, "w", encoding="utf-8")  # noqa: SIM115
    return Echo(file) if kind == "a user's" else file  # type: ignore[return-value]


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("kind", ["buffered", "unbuffered", "a user's"])
def test_nothing_is_lost_or_repeated_if_the_reader_is_slow(kind: str, blocking: bool) -> None:
    pipe = Pipe(blocking=blocking)
    screen = screen_of(pipe.writing, kind)
    screen.write("printed before\n")
    for at in range(0, len(LINES), 1000):
        write_lines(screen, LINES[at : at + 1000])
    getattr(screen, "behind", screen).close()
    assert pipe.read.result(30).decode().splitlines() == ["printed before", *LINES]


def test_a_write_that_would_block_takes_no_time_of_the_processor() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    held = os.write(writing, b"x" * 1024 * 1024)
    with open(reading, "rb") as reader, open(writing, "w") as screen, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: (write_lines(screen, ["line"]), time.thread_time_ns()))
        assert not wait([waiting], timeout=0.3).done
        assert reader.read(held).strip(b"x") == b""
        assert waiting.result(10)[1] < 0.1 * 1e9
        assert reader.readline() == b"line\n"


class Abandoning(Delivery):
    """A delivery that is abandoned at the second look."""

    looks = 0

    def check(self) -> None:
        self.looks += 1
        self.abandoned = self.looks > 1
        super().check()


@pytest.mark.parametrize("make_pipe", [os.pipe, lambda: [end.detach() for end in socket.socketpair()]])
def test_a_thread_whose_delivery_is_abandoned_leaves_a_blocking_pipe_that_takes_nothing(make_pipe: Any) -> None:
    reading, writing = make_pipe()
    delivery = Abandoning()

    def write() -> None:
        current.delivery = delivery
        with open(writing, "w", encoding="utf-8") as file:
            write_lines(file, LINES)

    assert isinstance(in_thread(write).exception(QUICK_TIMEOUT), DeliveryAbandoned)
    assert delivery.looks == 2
    os.close(reading)


def test_a_thread_whose_delivery_is_abandoned_waits_for_the_screen_no_longer() -> None:
    def write() -> None:
        current.delivery = Abandoning()
        to_screen("stdout", ["line"])

    with screen_lock():
        assert isinstance(in_thread(write).exception(QUICK_TIMEOUT), DeliveryAbandoned)


@pytest.mark.parametrize("kind", ["buffered", "unbuffered"])
def test_a_full_disk_is_an_error_and_leaves_nothing_in_the_buffer(kind: str) -> None:
    screen = screen_of(os.open("/dev/full", os.O_WRONLY), kind)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left"):
            write_lines(screen, ["line"])
    screen.close()


def test_an_encoding_with_a_mark_at_its_start_has_it_once() -> None:
    raw = io.BytesIO()
    screen = io.TextIOWrapper(raw, encoding="utf-16")
    write_lines(screen, ["one"])
    write_lines(screen, ["two"])
    assert raw.getvalue().decode("utf-16") == "one\ntwo\n"
