"""Helpers that the tests of several packages share: waiting, threads, output, interrupts, processes and descriptors."""

from __future__ import annotations

import _weakrefset
import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from concurrent import futures
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import psutil

from launchpad import Launcher, Outcome, Run
from launchpad.variables import IDENTITY

T = TypeVar("T")

TIMEOUT = 60.0
"""Seconds after which something that must happen counts as stuck."""

QUICK_TIMEOUT = 20.0
"""The same for what happens in memory, without an engine and mostly without a process."""


def eventually(
    look: Callable[[], T], good: Callable[[T], object] = bool, timeout: float = TIMEOUT, interval: float = 0.005
) -> T:
    """Calls `look` every `interval` seconds until its value is good; returns the last value, also after `timeout`.

    For conditions that no event announces, such as the state of another process.
    """
    deadline = time.monotonic() + timeout
    while not good(seen := look()) and time.monotonic() < deadline:
        time.sleep(interval)
    return seen


def until(condition: Callable[[], object], timeout: float = TIMEOUT) -> None:
    """Waits until `condition` holds, and fails the test if it does not within `timeout` seconds."""
    assert eventually(condition, timeout=timeout), f"the condition does not hold after {timeout:g} s"


def in_thread(function: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """Calls `function` in a thread of its own; the future has its result or its error."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="in_thread", daemon=True).start()
    return future


def all_done(*waited_for: Future[Any], timeout: float = 10) -> bool:
    """Whether all futures are done within `timeout` seconds."""
    return not futures.wait(waited_for, timeout).not_done


class RecordedLines:
    """An `on_output` that keeps the lines of one run, and lets other threads wait for one of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.runs: list[Run] = []
        self._changed = threading.Condition()

    def __call__(self, run: Run, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self.runs.append(run)
            self._changed.notify_all()

    def wait_for(self, line: str, timeout: float = 2 * TIMEOUT) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: line in self.lines, timeout), f"no line {line!r} in {self.lines}"


def launch_recorded(launcher: Launcher, run: Run) -> tuple[list[str], Outcome]:
    """The lines that a run writes, and its outcome."""
    recorded = RecordedLines()
    outcome = launcher.launch(run, on_output=recorded)
    return recorded.lines, outcome


def lines_of(launcher: Launcher, run: Run) -> list[str]:
    """The lines that a run writes."""
    return launch_recorded(launcher, run)[0]


_WEAKREF_MODULES = {weakref.__file__, _weakrefset.__file__}


def in_gc_callback(frame: FrameType | None) -> bool:
    """Whether `frame` is called by a callback of the garbage collector, or of a weak reference of the stdlib.

    CPython drops an exception that is raised there. hypothesis registers a callback of the first kind.
    """
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None:
        if frame.f_code in callbacks or frame.f_code.co_filename in _WEAKREF_MODULES:
            return True
        frame = frame.f_back
    return False


RESEND_INTERVAL = 1.0
"""Seconds after which a signal is sent again while its handler has not run: CPython does not notice a signal that comes
just before the main thread blocks on a lock."""


@contextmanager
def interrupts(
    *delays: float, not_in: Callable[[FrameType | None], bool] = in_gc_callback
) -> Iterator[threading.Event]:
    """Raises KeyboardInterrupt in the main thread after each of `delays`; the event is set by the last one.

    A signal is sent again every `RESEND_INTERVAL` seconds until it is handled, and a millisecond after one that
    interrupts a frame for which `not_in` is true.
    """
    left, over = list(delays), threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if not_in(frame):
            signal.setitimer(signal.ITIMER_REAL, 0.001, RESEND_INTERVAL)
            return
        if left:
            signal.setitimer(signal.ITIMER_REAL, left.pop(0), RESEND_INTERVAL)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            over.set()
        raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGALRM)
    try:
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, left.pop(0), RESEND_INTERVAL)
        yield over
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


REPEAT_INTERVAL = 15.0
"""Seconds after which a process that has not reacted to a signal gets another."""


@contextmanager
def interrupted(
    pid: int, needed: Callable[[], object] = lambda: True, number: signal.Signals = signal.SIGINT
) -> Iterator[None]:
    """Sends a signal to a process when its main thread waits; SIGINT is that of Ctrl-C.

    It is repeated every `REPEAT_INTERVAL` seconds until the end of the block, while `needed` returns true: CPython
    drops an interrupt that arrives in some callbacks, or just before its main thread blocks on a lock.
    """
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_SLEEPING)
    os.kill(pid, number)
    over = threading.Event()

    def repeat() -> None:
        with suppress(ProcessLookupError):
            while not over.wait(REPEAT_INTERVAL) and needed():
                os.kill(pid, number)

    repeated = in_thread(repeat)
    try:
        yield
    finally:
        over.set()
        repeated.result(TIMEOUT)


def is_running(pid: int | str) -> bool:
    """Whether there is such a process, and it is not a zombie."""
    try:
        return psutil.Process(int(pid)).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def watchdogs(pid: int) -> list[int]:
    """The pids of the processes that stop the local runs of the process `pid` when it ends."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or [""]
        if words[-1] == str(pid) and "watchdog_script" in words:
            found.append(process.pid)
    return found


def threads() -> Iterator[str]:
    """The threads of launchpad in this process."""
    for thread in threading.enumerate():
        if thread.name.startswith("launchpad") and thread.is_alive():  # not alive: its start was interrupted
            yield f"thread {thread.name}"


def children() -> Iterator[str]:
    """The child processes of this process. On Linux."""
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            yield from (f"process {pid}" for pid in (task / "children").read_text().split())


def channels() -> Iterator[str]:
    """The open pipes, sockets and event descriptors of this process. On Linux."""
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor by which the directory is listed
            target = os.readlink(fd)
            if target.startswith(("pipe:", "socket:", "anon_inode:")):
                yield f"descriptor {fd.name} ({target})"


def opened_since(before: Collection[str]) -> set[str]:
    """The channels that are open and not in `before`. Another thread may need some time to close one. On Linux."""
    return eventually(lambda: {*channels()} - {*before}, lambda opened: not opened)


def users_own(env: Any) -> Any:
    """The variables of a spec, a mapping or a list of entries, without those that identify the run."""
    if isinstance(env, list):
        return [entry for entry in env if entry["name"] not in IDENTITY]
    return {name: value for name, value in env.items() if name not in IDENTITY}
