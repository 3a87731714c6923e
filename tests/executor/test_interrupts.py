"""Ctrl-C: queued runs never start, started runs are stopped, and nothing is left; a second one does not wait."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from concurrent.futures._base import _AcquireFutures  # type: ignore[attr-defined]
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition
from types import CodeType, FrameType

import pytest

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher
from tests.helping import TIMEOUT, children, in_gc_callback, interrupted, interrupts, is_running

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


def read(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_ctrl_c_stops_ten_running_runs_and_never_starts_fifty_queued_ones(body: str) -> None:
    with script(body, POLITE, grace=60) as process:
        pids = pids_of(process)
        assert all(is_running(pid) for pid in pids)
        with interrupted(process.pid, lambda: any(map(is_running, pids))):
            rest, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, rest, errors.splitlines()[-1]) == (-signal.SIGINT, "", "KeyboardInterrupt")
    assert not any(is_running(pid) for pid in pids)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_second_ctrl_c_kills_at_once(body: str) -> None:
    with script(body, STUBBORN, grace=600) as process:
        pids = pids_of(process)
        with interrupted(process.pid):
            assert read(process, 10) == ["asked"] * 10
        assert all(is_running(pid) for pid in pids)
        with interrupted(process.pid, lambda: any(map(is_running, pids))):
            process.communicate(timeout=TIMEOUT)
    assert process.returncode == -signal.SIGINT
    assert not any(is_running(pid) for pid in pids)


ADJUST = ThreadPoolExecutor._adjust_thread_count.__code__
"""Starts a thread of the pool. It contains the callback that ends the threads when the executor is collected."""

PROTECTED = {
    ADJUST,
    *(constant for constant in ADJUST.co_consts if isinstance(constant, CodeType)),
    # Interrupted, these leave the locks of some futures held by the main thread, and workers wait for them for good.
    _AcquireFutures.__enter__.__code__,
    _AcquireFutures.__exit__.__code__,
    Condition.__enter__.__code__,
    Condition.__exit__.__code__,
}


def must_not_be_interrupted(frame: FrameType | None) -> bool:
    """Whether CPython would drop the interrupt, or the stdlib starts or ends threads of the pool in `frame`.

    An interrupted start can leave the pool's semaphore locked for good, and an interrupted callback of a collected
    executor its threads running.
    """
    callers = (caller for caller, _ in traceback.walk_stack(frame)) if frame is not None else ()
    return in_gc_callback(frame) or any(caller.f_code in PROTECTED for caller in callers)


def _launch_and_wait(executor: LaunchExecutor, futures: list[LaunchFuture]) -> None:
    """Not part of the block: CPython 3.12 and later leave it without its end if a `while` in it is interrupted."""
    while len(futures) < 8:
        futures.append(executor.submit(Run(command=["sleep", "60"])))
    wait(futures)


def test_an_interrupt_at_any_moment_leaves_no_run_and_no_future_undone() -> None:
    launcher = SubprocessLauncher(stream_output=False, grace=5)
    moments = random.Random(20)
    for _ in range(100):
        futures: list[LaunchFuture] = []
        # An interrupted Condition may raise a RuntimeError. The second interrupt comes only if the first is lost.
        with (
            suppress(KeyboardInterrupt, RuntimeError),
            interrupts(moments.uniform(0.0001, 0.02), 5.0, not_in=must_not_be_interrupted),
            LaunchExecutor(launcher, 4) as executor,
        ):
            _launch_and_wait(executor, futures)
        assert [future.cancelled() for future in futures] == [True] * len(futures)
        assert list(children()) == []
