"""A launching process as the scene sees it: it is started, told commands, and recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from launchpad import Handle

from .plan import Plan

ROOT = Path(__file__).parents[2]

TIMEOUT = 120.0
"""Seconds within which runs must start and write their first lines."""


DUMP_TIMEOUT = 2.0
"""Seconds within which a process must have written where its threads are."""


class LaunchingProcess:
    """Runs `driver.py` in a session of its own, and records what it reports."""

    def __init__(self, plan: Plan, environment: Mapping[str, str], folder: Path, wrapper: Sequence[str] = ()) -> None:
        self.handles: dict[int, Handle] = {}
        self.lines: dict[int, list[str]] = {number: [] for number in range(plan.count)}
        self.results: dict[int, dict[str, Any]] = {}
        self.left: list[str] | None = None
        self.plan = plan
        self._changed = threading.Condition()
        self._closed = False
        self._errors = folder / f"errors-{plan.verb}"
        reading, writing = os.pipe()
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", "tests.faults.driver", plan.to_json(), str(writing)],
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if plan.output == "printed" else subprocess.DEVNULL,
                stderr=errors,
                pass_fds=[writing],
                start_new_session=True,
            )
        os.close(writing)
        self._reader = threading.Thread(target=self._read, args=[reading], daemon=True)
        self._reader.start()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    def wait_until(self, condition: Callable[[], object], timeout: float = TIMEOUT) -> bool:
        """Whether the condition holds within `timeout` seconds; it is checked at each event."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or self._closed, timeout)
            return bool(condition())

    def wait_for_line(self, line: str) -> None:
        """Waits until every run has written the line."""
        self.wait_until(lambda: self._have_written(line) or self._has_ended_without(line))
        assert self._have_written(line), self.state()

    def _have_written(self, line: str) -> bool:
        return all(line in lines for lines in self.lines.values())

    def _has_ended_without(self, line: str) -> bool:
        return any(line not in self.lines[number] for number in self.results)

    def wait_for_handles(self) -> None:
        assert self.wait_until(lambda: len(self.handles) == self.plan.count), self.state()

    def wait_for_results(self, timeout: float) -> bool:
        """Whether all runs have ended within `timeout` seconds."""
        return self.wait_until(lambda: len(self.results) == self.plan.count, timeout)

    def end(self, timeout: float) -> bool:
        """Whether the process has ended within `timeout` seconds; it is killed if not."""
        try:
            self.process.wait(timeout)
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        self.close()
        return ended

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(TIMEOUT)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def errors(self) -> str:
        """What the process has written to its standard error."""
        return self._errors.read_text(errors="replace")

    def state(self) -> str:
        """What is known of the runs, and where the threads of the process are."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGUSR2)
            self.wait_until(lambda: False, DUMP_TIMEOUT)
        return f"handles {self.handles}, lines {self.lines}, results {self.results}, errors {self.errors()}"

    def _read(self, descriptor: int) -> None:
        with open(descriptor, encoding="utf-8", errors="replace") as events:
            for event in events:
                with self._changed:
                    self._take(*json.loads(event))
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, kind: str, *facts: Any) -> None:
        if kind == "handle":
            self.handles[facts[0]] = Handle(**facts[1])
        elif kind == "line":
            self.lines[facts[0]].append(facts[1])
        elif kind == "result":
            self.results[facts[0]] = facts[1]
        else:
            self.left = facts[0]
