"""Waiting for many children at once: all ends are told, nothing is held for what takes long, nothing is left."""

from __future__ import annotations

import queue
import random
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

if sys.platform != "linux":
    pytest.skip("elsewhere there is no pidfd", allow_module_level=True)

from launchpad.subprocess.aio import Polls
from launchpad.subprocess.lookout import Lookout
from launchpad.subprocess.processes import look_up
from launchpad.subprocess.units import LocalProcess
from tests.subprocess.helping import descriptors, no_descriptors, until

PATIENCE = 20.0


class Sleeper:
    """A process that ends when told to, and a thread that waits for it."""

    def __init__(self, lookout: Lookout) -> None:
        self._child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        entry = look_up(self._child.pid)
        assert entry is not None
        self._process = LocalProcess(self._child.pid, entry.started, ours=True)
        self._thread = threading.Thread(target=lookout.wait, args=(self._process,))
        self._thread.start()

    def end(self) -> None:
        """Ends the process, and returns when the thread has learned of it."""
        self._child.communicate()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


class Scripted:
    """Polls that say what is done with them; what they tell is scripted."""

    def __init__(self, *, full: bool = False) -> None:
        self.added: queue.Queue[int] = queue.Queue()
        self.told: queue.Queue[list[int] | Exception] = queue.Queue()
        self.closed = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()
        self._full = full

    def add(self, descriptor: int, token: int) -> None:
        if self._full:
            raise BlockingIOError
        self.added.put(token)

    def wait(self) -> list[int]:
        told = self.told.get(timeout=PATIENCE)
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        assert self.may_close.wait(PATIENCE)
        self.closed.set()


def scripted(*polls: Scripted) -> Callable[[int], Polls]:
    left = list(polls)
    return lambda room: left.pop(0)  # type: ignore[return-value]


class Recording(Polls):
    """The kernel's, which say what is done with them."""

    def __init__(self, room: int) -> None:
        super().__init__(room)
        self.added: queue.Queue[int] = queue.Queue()
        self.closed = threading.Event()

    def add(self, descriptor: int, token: int) -> None:
        super().add(descriptor, token)
        self.added.put(token)

    def close(self) -> None:
        super().close()
        self.closed.set()


def recording() -> tuple[Callable[[int], Polls], list[Recording]]:
    made: list[Recording] = []

    def make(room: int) -> Polls:
        made.append(Recording(room))
        return made[-1]

    return make, made


def unavailable(room: int) -> Polls:
    raise OSError("no such calls")


def test_the_first_wait_without_a_descriptor_and_without_polls() -> None:
    before = descriptors()
    lookout = Lookout(3, open_polls=unavailable)
    sleepers = [Sleeper(lookout) for _ in range(3)]
    assert descriptors() == before + 3  # our ends of their pipes
    for sleeper in sleepers:
        sleeper.end()


def test_others_hold_no_descriptor_once_the_kernel_polls_for_them() -> None:
    before = descriptors()
    make, made = recording()
    lookout = Lookout(0, 0, open_polls=make)
    sleepers = [Sleeper(lookout) for _ in range(20)]
    until(lambda: made)
    for _ in sleepers:
        made[0].added.get(timeout=PATIENCE)
    until(lambda: descriptors() == before + 20)  # our ends of their pipes
    for sleeper in sleepers:
        sleeper.end()
    assert made[0].closed.wait(PATIENCE)
    assert len(made) == 1
    assert descriptors() == before


def test_what_ends_soon_is_waited_for_by_its_descriptor() -> None:
    lookout = Lookout(0, 1, soon=PATIENCE * 3, open_polls=unavailable)
    sleeper = Sleeper(lookout)
    until(lambda: lookout._holding)
    sleeper.end()
    assert not lookout._holding


def test_what_does_not_is_handed_over() -> None:
    make, made = recording()
    sleeper = Sleeper(Lookout(0, 1, soon=0.01, open_polls=make))
    until(lambda: made)
    made[0].added.get(timeout=PATIENCE)
    sleeper.end()
    assert made[0].closed.wait(PATIENCE)


@pytest.mark.parametrize("open_polls", [unavailable, scripted(Scripted(full=True))], ids=["lacking", "full"])
def test_where_the_kernel_does_not_poll_for_us_they_wait_as_the_first_do(open_polls: Callable[[int], Polls]) -> None:
    lookout = Lookout(0, 0, open_polls=open_polls)
    sleeper = Sleeper(lookout)
    until(lambda: lookout._waiting)
    sleeper.end()
    assert not lookout._bells


def test_polls_that_are_full_from_the_first_on_are_closed() -> None:
    full = Scripted(full=True)
    sleeper = Sleeper(Lookout(0, 0, open_polls=scripted(full)))
    assert full.closed.wait(PATIENCE)
    sleeper.end()


def test_where_there_are_no_descriptors_they_wait_as_the_first_do() -> None:
    lookout = Lookout(0, 1, open_polls=unavailable)
    child = subprocess.Popen(["sleep", "0.1"])
    process = LocalProcess(child.pid, "", ours=True)
    waiting = threading.Thread(target=lookout.wait, args=(process,))
    with no_descriptors():
        waiting.start()
        waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert child.wait() == 0


def test_the_main_thread_waits_as_the_first_do() -> None:
    assert threading.current_thread() is threading.main_thread()
    child = subprocess.Popen(["true"])
    Lookout(0, 0, open_polls=scripted()).wait(LocalProcess(child.pid, "", ours=True))
    assert child.wait() == 0


def test_polls_that_break_leave_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    broken = Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(broken))
    sleepers = [Sleeper(lookout) for _ in range(3)]
    for _ in sleepers:
        broken.added.get(timeout=PATIENCE)
    broken.told.put(OSError("broken"))
    until(lambda: len(lookout._waiting) == 3)
    for sleeper in sleepers:
        sleeper.end()
    assert broken.closed.wait(PATIENCE)
    assert lookout._polls is None
    assert "broken" in caplog.text


def test_whoever_comes_while_polls_are_closed_has_others_opened() -> None:
    first, second = Scripted(), Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(first, second))
    one = Sleeper(lookout)
    pid = first.added.get(timeout=PATIENCE)
    first.may_close.clear()
    first.told.put([pid])
    until(lambda: lookout._polls is None)
    other = Sleeper(lookout)
    pid = second.added.get(timeout=PATIENCE)
    first.may_close.set()
    assert first.closed.wait(PATIENCE)
    second.told.put([pid])
    assert second.closed.wait(PATIENCE)
    one.end()
    other.end()


def test_what_is_told_of_nobody_is_nothing() -> None:
    polls = Scripted()
    sleeper = Sleeper(Lookout(0, 0, open_polls=scripted(polls)))
    pid = polls.added.get(timeout=PATIENCE)
    polls.told.put([pid + 1])
    polls.told.put([pid, pid])
    assert polls.closed.wait(PATIENCE)
    sleeper.end()


def test_hundreds_at_once_are_all_told_and_leave_nothing() -> None:
    before = descriptors()
    make, made = recording()
    lookout, rng = Lookout(4, 4, soon=0.01, open_polls=make), random.Random(3)
    for _ in range(3):
        children = [subprocess.Popen(["sleep", f"0.{rng.randrange(20):02}"]) for _ in range(150)]
        waiting = [
            threading.Thread(target=lookout.wait, args=(LocalProcess(child.pid, "", ours=True),)) for child in children
        ]
        for thread in waiting:
            thread.start()
        for thread, child in zip(waiting, children, strict=True):
            thread.join(PATIENCE)
            assert not thread.is_alive()
            assert child.wait() == 0
    assert made
    assert all(polls.closed.wait(PATIENCE) for polls in made)
    assert descriptors() == before
    assert (lookout._waiting, lookout._holding, lookout._bells) == (set(), set(), {})
