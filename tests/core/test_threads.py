"""Threads that are started by `start_thread`."""

from __future__ import annotations

import sys
import threading

from launchpad.core.threads import start_thread
from tests.helping import QUICK_TIMEOUT


def test_a_thread_has_begun_when_its_start_returns() -> None:
    go_on = threading.Event()
    for _ in range(50):
        before = {*sys._current_frames()}
        start_thread(go_on.wait, QUICK_TIMEOUT)
        assert {*sys._current_frames()} - before, "the new thread executes no code yet"
    go_on.set()


def test_a_thread_gets_its_arguments() -> None:
    got, done = [], threading.Event()
    start_thread(lambda *args: (got.append(args), done.set()), 1, 2)
    assert done.wait(QUICK_TIMEOUT)
    assert got == [(1, 2)]
