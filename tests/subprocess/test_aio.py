"""The kernel's own polls: they are told of once, and need no open descriptor."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from launchpad.subprocess.aio import BATCH, Polls, numbers_of
from tests.subprocess.helping import descriptors

try:
    Polls(1).close()
except OSError as error:
    pytest.skip(f"this system has none: {error}", allow_module_level=True)

PATIENCE = 20.0


@pytest.fixture
def polls() -> Iterator[Polls]:
    polls = Polls(16)
    yield polls
    polls.close()


def test_the_end_of_a_process_is_told_though_its_descriptor_is_closed(polls: Polls) -> None:
    before = descriptors()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        pidfd = os.pidfd_open(process.pid)
        polls.add(pidfd, 7)
        os.close(pidfd)
        assert process.stdin is not None
        process.stdin.close()
        assert polls.wait() == [7]
    assert descriptors() == before


def test_what_is_over_already_is_told_too(polls: Polls) -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        pidfd = os.pidfd_open(process.pid)
        polls.add(pidfd, 2**40)
        os.close(pidfd)
        assert polls.wait() == [2**40]


def test_more_than_a_batch_is_told_in_several() -> None:
    polls = Polls(2 * BATCH)
    reading, writing = os.pipe()
    for token in range(BATCH + 3):
        polls.add(reading, token)
    os.close(reading)
    os.close(writing)
    told = [polls.wait(), polls.wait()]
    assert [len(tokens) for tokens in told] == [BATCH, 3]
    assert {token for tokens in told for token in tokens} == set(range(BATCH + 3))
    polls.close()


def test_what_is_no_descriptor_is_an_error(polls: Polls) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        polls.add(2**20, 1)


def test_more_than_the_system_has_room_for_is_an_error() -> None:
    with open("/proc/sys/fs/aio-max-nr") as file:
        room = int(file.read())
    with pytest.raises(OSError, match=r"temporarily unavailable|Invalid argument"):
        Polls(room + 1)


def test_they_can_be_closed_while_some_go_on() -> None:
    reading, writing = os.pipe()
    polls = Polls(16)
    polls.add(reading, 1)
    polls.close()
    os.close(reading)
    with pytest.raises(BrokenPipeError):  # nobody holds the other end any more
        os.write(writing, b"x")
    os.close(writing)


@pytest.mark.parametrize("machine", ["mips64", "x86_64_32"])
def test_a_machine_whose_numbers_are_not_known_has_none(machine: str) -> None:
    with pytest.raises(OSError, match="not implemented"):
        numbers_of(machine, bits=64)


def test_a_32_bit_program_has_none() -> None:
    with pytest.raises(OSError, match="not implemented"):
        numbers_of("x86_64", bits=32)


SIGNALLED = """
import os, signal, threading
from launchpad.subprocess.aio import Polls
signal.signal(signal.SIGUSR1, lambda *_: None)
reading, writing = os.pipe()
polls = Polls(16)
polls.add(reading, 3)
main, woken = threading.get_ident(), threading.Event()
def wake():
    while not woken.wait(0.01):
        signal.pthread_kill(main, signal.SIGUSR1)
threading.Thread(target=wake).start()
print(polls.wait(), flush=True)
woken.set()
os.write(writing, b"x")
while not (told := polls.wait()):
    pass
print(told, flush=True)
"""


def test_a_signal_ends_a_wait_and_loses_nothing() -> None:
    told = subprocess.run([sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=PATIENCE)
    assert told.stdout.splitlines() == ["[]", "[3]"], told.stderr


def test_any_thread_may_add_while_one_waits(polls: Polls) -> None:
    ends = [os.pipe() for _ in range(8)]
    threads = [threading.Thread(target=polls.add, args=(end[0], n)) for n, end in enumerate(ends)]
    told: set[int] = set()
    for thread in threads:
        thread.start()
    for _, writing in ends:
        os.write(writing, b"x")
    while len(told) < len(ends):
        told.update(polls.wait())
    for thread, end in zip(threads, ends, strict=True):
        thread.join()
        os.close(end[0])
        os.close(end[1])
    assert told == set(range(8))
