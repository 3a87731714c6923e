"""Ctrl-C: queued runs never start, started runs are stopped, and nothing is left; a second one does not wait."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import psutil
import pytest

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher
from tests.helping import children, in_gc_callback, is_running, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SCRIPT = """
import os, signal, sys
from concurrent.futures import wait
from launchpad import LaunchExecutor, Run, SubprocessLauncher

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
say = lambda line: os.write(1, f"{line}\\n".encode())
output = lambda run, line: say(line)
with LaunchExecutor(SubprocessLauncher(grace=float(sys.argv[2])), 10) as executor:
    futures = [executor.submit(Run(command=["sh", "-c", sys.argv[1]]), on_output=output) for _ in range(60)]
    say("waiting")
    %s
"""

BODIES = {"in the block": "wait(futures)", "while it is left": "pass"}

POLITE = "echo $$; sleep 60"
STUBBORN = "exec 2>/dev/null; trap 'echo asked' TERM; echo $$; while :; do sleep 0.1; done"


@contextmanager
def script(body: str, command: str, grace: float) -> Iterator[subprocess.Popen[str]]:
    """A script with ten runs under way, whose output it prints, and fifty queued."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT % body, command, str(grace)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def pids_of(process: subprocess.Popen[str]) -> list[str]:
    """The ten runs under way, when all have been submitted."""
    return [line for line in read(process, 11) if line != "waiting"]


def interrupt(process: subprocess.Popen[str]) -> None:
    """Sends SIGINT when the main thread sleeps: CPython loses one that comes while it is about to."""
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING)
    process.send_signal(signal.SIGINT)


def read(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_ctrl_c_stops_ten_running_runs_and_never_starts_fifty_queued_ones(body: str) -> None:
    with script(body, POLITE, grace=60) as process:
        pids = pids_of(process)
        assert all(is_running(pid) for pid in pids)
        interrupt(process)
        rest, errors = process.communicate(timeout=30)
    assert (process.returncode, rest, errors.splitlines()[-1]) == (-signal.SIGINT, "", "KeyboardInterrupt")
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_second_ctrl_c_kills_at_once(body: str) -> None:
    with script(body, STUBBORN, grace=600) as process:
        pids = pids_of(process)
        interrupt(process)
        assert read(process, 10) == ["asked"] * 10
        assert all(is_running(pid) for pid in pids)
        interrupt(process)
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert not any(is_running(pid) for pid in pids)


def interrupted(work: Callable[[], object], delay: float) -> None:
    """Calls `work` and raises KeyboardInterrupt in it after `delay` seconds, once, as Ctrl-C does.

    Signals are sent until it was raised: CPython loses one that comes while a thread is about to block on a lock. It is
    raised again after a while where that did not end `work`: CPython drops one that falls into a callback. It is not
    raised where the stdlib makes a thread for the pool: torn apart there, its semaphore can stay locked for good.
    """
    here = threading.get_ident()
    raised: list[bool] = []  # not an Event: the handler, itself interrupted in its set(), would wait for itself
    over: list[bool] = []

    def interrupt() -> None:
        time.sleep(delay)
        while not over:
            raised.clear()
            while not (raised or over):
                signal.pthread_kill(here, signal.SIGINT)
                time.sleep(0.001)
            until = time.monotonic() + REPEAT_TIMEOUT
            while not over and time.monotonic() < until:
                time.sleep(0.001)

    def handle(number: int, frame: FrameType | None) -> None:
        if not (raised or over or ADJUST in codes(frame) or in_gc_callback(frame)):
            raised.append(True)
            raise KeyboardInterrupt

    thread = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, handle)
    try:
        thread.start()
        work()
    except (KeyboardInterrupt, RuntimeError):  # of the latter, a Condition makes some where its wait is interrupted
        pass
    finally:
        over.append(True)
        thread.join()
        signal.signal(signal.SIGINT, before)


REPEAT_TIMEOUT = 5.0
"""Seconds until another interrupt."""

ADJUST = ThreadPoolExecutor._adjust_thread_count.__code__


def codes(frame: FrameType | None) -> Iterator[CodeType]:
    """The code objects in progress, from `frame` outwards."""
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def test_an_interrupt_at_any_moment_leaves_no_run_and_no_future_undone() -> None:
    launcher = SubprocessLauncher(stream_output=False, grace=5)
    moments = random.Random(20)
    for _ in range(100):
        futures: list[LaunchFuture] = []

        def work(futures: list[LaunchFuture] = futures) -> None:
            with LaunchExecutor(launcher, 4) as executor:
                while len(futures) < 8:
                    futures.append(executor.submit(Run(command=["sleep", "60"])))
                wait(futures)

        interrupted(work, moments.uniform(0, 0.02))
        assert [future.cancelled() for future in futures] == [True] * len(futures)
        assert list(children()) == []
