"""Waiting for many children at once: all ends are told, nothing is held for what takes long, nothing is left."""

from __future__ import annotations

import os
import queue
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

if sys.platform != "linux":
    pytest.skip("elsewhere there is no pidfd", allow_module_level=True)

from launchpad.subprocess.aio import Polls
from launchpad.subprocess.lookout import Lookout
from launchpad.subprocess.process import LocalProcess
from launchpad.subprocess.proctable import look_up
from tests.helping import until
from tests.subprocess.helping import descriptors, no_descriptors

PATIENCE = 20.0


class Sleeper:
    """A process that ends when told to, and a thread that waits for it."""

    def __init__(self, lookout: Lookout) -> None:
        self.child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        entry = look_up(self.child.pid)
        assert entry is not None
        process = LocalProcess(self.child.pid, entry.started, ours=True)
        self._thread = threading.Thread(target=lookout.wait, args=(process,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends the process, and returns when the thread has learned of it."""
        self.child.communicate()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def sleeper() -> Iterator[Callable[[Lookout], Sleeper]]:
    """Makes sleepers, and leaves none."""
    made: list[Sleeper] = []

    def make(lookout: Lookout) -> Sleeper:
        made.append(Sleeper(lookout))
        return made[-1]

    yield make
    for each in made:
        each.child.kill()
        each.child.communicate()


class Scripted:
    """Polls that say what is done with them; what they tell is scripted."""

    def __init__(self) -> None:
        self.added: queue.Queue[int] = queue.Queue()
        self.told: queue.Queue[list[int] | Exception] = queue.Queue()
        self.closing = threading.Event()
        self.closed = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()

    def add(self, descriptor: int, token: int) -> None:
        assert not self.closing.is_set()
        self.added.put(token)

    def wait(self) -> list[int]:
        told = self.told.get()
        if isinstance(told, Exception):
            raise told
        return told

    def close(self) -> None:
        self.closing.set()
        self.may_close.wait(PATIENCE * 3)
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


def refusing(error: Exception) -> Callable[[int], Polls]:
    def refuse(room: int) -> Polls:
        raise error

    return refuse


unavailable = refusing(OSError("no such calls"))

Make = Callable[[Lookout], Sleeper]


def test_the_first_wait_without_a_descriptor_and_without_polls(sleeper: Make) -> None:
    before = descriptors()
    lookout = Lookout(3, open_polls=unavailable)
    sleepers = [sleeper(lookout) for _ in range(3)]
    assert descriptors() == before + 3  # our ends of their pipes
    for each in sleepers:
        each.end()


def test_others_hold_no_descriptor_once_the_kernel_polls_for_them(sleeper: Make) -> None:
    before = descriptors()
    make, made = recording()
    lookout = Lookout(0, 0, open_polls=make)
    sleepers = [sleeper(lookout) for _ in range(20)]
    until(lambda: made, PATIENCE)
    for _ in sleepers:
        made[0].added.get(timeout=PATIENCE)
    until(lambda: descriptors() == before + 20, PATIENCE)  # our ends of their pipes
    for each in sleepers:
        each.end()
    assert made[0].closed.wait(PATIENCE)
    assert len(made) == 1
    assert descriptors() == before


def test_what_ends_soon_is_waited_for_by_its_descriptor(sleeper: Make) -> None:
    lookout = Lookout(0, 1, soon=PATIENCE * 3, open_polls=unavailable)
    one = sleeper(lookout)
    until(lambda: lookout._holding, PATIENCE)
    one.end()
    assert not lookout._holding


def test_no_more_descriptors_are_held_than_there_may_be(sleeper: Make) -> None:
    polls = Scripted()
    lookout = Lookout(0, 2, soon=PATIENCE * 3, open_polls=scripted(polls))
    holding = []
    for count in (1, 2):
        holding.append(sleeper(lookout))
        until(lambda: len(lookout._holding) == count, PATIENCE)  # noqa: B023 (called before the next turn)
    third = sleeper(lookout)
    polls.told.put([polls.added.get(timeout=PATIENCE)])
    for each in (third, *holding):
        each.end()


def test_what_takes_longer_is_handed_over(sleeper: Make) -> None:
    make, made = recording()
    one = sleeper(Lookout(0, 1, soon=0.01, open_polls=make))
    until(lambda: made, PATIENCE)
    made[0].added.get(timeout=PATIENCE)
    one.end()
    assert made[0].closed.wait(PATIENCE)


@pytest.mark.parametrize("error", [OSError("no such calls"), ImportError("ctypes"), MemoryError()], ids=repr)
def test_where_the_kernel_does_not_poll_for_us_they_wait_as_the_first_do(error: Exception, sleeper: Make) -> None:
    lookout = Lookout(0, 0, open_polls=refusing(error))
    one = sleeper(lookout)
    until(lambda: lookout._waiting, PATIENCE)
    assert lookout._bells is None
    one.end()


def test_where_there_is_no_room_for_a_thread_they_wait_as_the_first_do(sleeper: Make) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    make, made = recording()
    lookout = Lookout(0, 0, open_polls=make, start_thread=refuse)
    one = sleeper(lookout)
    until(lambda: lookout._waiting, PATIENCE)
    assert not made
    one.end()


def test_polls_that_are_full_from_the_first_on_are_closed(sleeper: Make) -> None:
    class Full(Scripted):
        def add(self, descriptor: int, token: int) -> None:
            raise BlockingIOError

    full = Full()
    one = sleeper(Lookout(0, 0, open_polls=scripted(full)))
    assert full.closed.wait(PATIENCE)
    one.end()


def test_where_there_are_no_descriptors_they_wait_as_the_first_do(sleeper: Make) -> None:
    lookout = Lookout(0, 1, open_polls=unavailable)
    child = subprocess.Popen(["sleep", "0.1"])
    waiting = threading.Thread(target=lookout.wait, args=(LocalProcess(child.pid, "", ours=True),), daemon=True)
    with no_descriptors():
        waiting.start()
        waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert child.wait() == 0


def test_the_main_thread_waits_as_the_first_do() -> None:
    assert threading.current_thread() is threading.main_thread()
    make, made = recording()
    child = subprocess.Popen(["sleep", "0.1"])
    Lookout(0, 0, open_polls=make).wait(LocalProcess(child.pid, "", ours=True))
    assert child.wait() == 0
    assert not made


def test_a_number_that_another_process_has_by_now_is_not_waited_for() -> None:
    class Reaped(LocalProcess):  # by somebody else
        def has_ended(self) -> bool:
            return True

        def wait(self) -> None:
            pass

    polls = Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(polls))
    waiting = threading.Thread(target=lookout.wait, args=(Reaped(os.getpid(), "", ours=True),), daemon=True)
    waiting.start()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert polls.added.empty()


def test_two_that_had_one_number_are_told_apart(sleeper: Make) -> None:
    polls = Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(polls))
    number = sleeper(Lookout()).child.pid
    for _ in range(2):
        process = LocalProcess(number, "", ours=True)
        threading.Thread(target=lookout.wait, args=(process,), daemon=True).start()
    tokens = [polls.added.get(timeout=PATIENCE) for _ in range(2)]
    assert len(set(tokens)) == 2
    polls.told.put(tokens)
    assert polls.closed.wait(PATIENCE)


def test_polls_that_break_leave_nobody_waiting(caplog: pytest.LogCaptureFixture, sleeper: Make) -> None:
    broken = Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(broken))
    sleepers = [sleeper(lookout) for _ in range(3)]
    for _ in sleepers:
        broken.added.get(timeout=PATIENCE)
    broken.told.put(OSError("broken"))
    until(lambda: len(lookout._waiting) == 3, PATIENCE)
    for each in sleepers:
        each.end()
    assert broken.closed.wait(PATIENCE)
    assert lookout._bells is None
    assert "broken" in caplog.text


def test_whoever_comes_while_polls_are_closed_has_others_opened(sleeper: Make) -> None:
    first, second = Scripted(), Scripted()
    lookout = Lookout(0, 0, open_polls=scripted(first, second))
    one = sleeper(lookout)
    first.may_close.clear()
    first.told.put([first.added.get(timeout=PATIENCE)])
    assert first.closing.wait(PATIENCE)
    other = sleeper(lookout)
    token = second.added.get(timeout=PATIENCE)
    first.may_close.set()
    assert first.closed.wait(PATIENCE)
    second.told.put([token])
    assert second.closed.wait(PATIENCE)
    one.end()
    other.end()


def test_hundreds_at_once_are_all_told_and_leave_nothing() -> None:
    before = descriptors()
    make, made = recording()
    lookout, rng = Lookout(4, 4, soon=0.01, open_polls=make), random.Random(3)
    for _ in range(3):
        children = [subprocess.Popen(["sleep", f"0.{rng.randrange(20):02}"]) for _ in range(150)]
        processes = [LocalProcess(child.pid, "", ours=True) for child in children]
        waiting = [threading.Thread(target=lookout.wait, args=(process,), daemon=True) for process in processes]
        for thread in waiting:
            thread.start()
        for thread, child in zip(waiting, children, strict=True):
            thread.join(PATIENCE)
            assert not thread.is_alive()
            assert child.wait() == 0
    assert made
    assert all(polls.closed.wait(PATIENCE) for polls in made)
    assert descriptors() == before
    assert (lookout._waiting, lookout._holding, lookout._bells) == (set(), set(), None)
