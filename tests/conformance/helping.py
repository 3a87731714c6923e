"""What tests of the suite share: listening to a run, and doing something in another thread or process meanwhile."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import attrs

from launchpad import Handle, Launcher, Run

from .harness import Harness

T = TypeVar("T")

LONG = 120.0
"""Seconds until something that must happen is taken to be stuck."""

ROOT = pathlib.Path(__file__).parents[2]


class Heard:
    """An `on_output` that keeps the lines, and lets other threads wait for one of them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.runs: list[Run] = []
        self._changed = threading.Condition()

    def __call__(self, run: Run, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self.runs.append(run)
            self._changed.notify_all()

    def wait_for(self, line: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: line in self.lines, LONG), f"{line!r} did not come: {self.lines}"


def output_of(launcher: Launcher, run: Run) -> list[str]:
    """The lines that a run writes, all of them."""
    heard = Heard()
    launcher.submit(run, on_output=heard)
    return heard.lines


def meanwhile(function: Callable[..., T], *args: Any, **kwargs: Any) -> Future[T]:
    """Calls `function` in a thread of its own."""
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=call, name="meanwhile", daemon=True).start()
    return future


@contextmanager
def elsewhere(harness: Harness, verb: str, handle: Handle | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process that does `verb` (see `other_process.py`), killed at the end of the block."""
    saved = json.dumps(attrs.asdict(handle)) if handle else ""
    command = [sys.executable, "-m", "tests.conformance.other_process", harness.name, harness.mark, verb, saved]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
