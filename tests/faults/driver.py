"""The launching process of a row: `python -m tests.faults.driver PLAN DESCRIPTOR`.

It writes events to the descriptor, a line of JSON each: ["handle", run, handle], ["line", run, text], ["result", run,
result], ["left", leftovers]. It reads commands from its standard input: `cancel`, `stop` and `release`.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from launchpad import (
    Handle,
    Journal,
    Launcher,
    LaunchExecutor,
    LaunchFuture,
    Outcome,
    Retry,
    Run,
    stop_on_sigterm,
)
from tests.conformance.harness import MARK
from tests.helping import channels, children, eventually, threads

from .plan import Plan

RELEASE_TIMEOUT = 5.0
"""Seconds within which threads, processes and descriptors must be gone after the launcher was closed."""


class Driver:
    def __init__(self, plan: Plan, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        faulthandler.register(signal.SIGUSR2)  # shows where threads wait, if the scene finds that they hang
        self._plan, self._descriptor = plan, descriptor
        self._writing = threading.Lock()
        self._released = threading.Event()
        self._executor: LaunchExecutor | None = None
        self._futures: list[LaunchFuture] = []

    def report(self, *event: Any) -> None:
        data = json.dumps(event).encode() + b"\n"
        with self._writing:
            while data:
                data = data[os.write(self._descriptor, data) :]

    def main(self) -> None:
        exec(self._plan.prelude, {})
        threading.Thread(target=self._read_commands, name="commands", daemon=True).start()
        before = held()
        try:
            with ExitStack() as stack:
                if self._plan.stop_on_sigterm:
                    stack.enter_context(stop_on_sigterm())
                launcher = stack.enter_context(Launcher.from_settings(self._plan.settings))
                {"launch": self._launch, "wait": self._wait}[self._plan.verb](launcher)
        finally:
            left = eventually(lambda: released(before), lambda left: not left, RELEASE_TIMEOUT, interval=0.05)
            self.report("left", sorted(left))

    def _launch(self, launcher: Launcher) -> None:
        with LaunchExecutor(launcher, self._plan.count, **self._batch_options()) as self._executor:
            for number in range(self._plan.count):
                try:
                    future = self._executor.submit(self._run(number), **self._callbacks(number))
                except RuntimeError as error:  # no room for a thread
                    self.report("result", number, result_of(None, error))
                    continue
                future.add_done_callback(partial(self._report_future, number))
                self._futures.append(future)

    def _batch_options(self) -> dict[str, Any]:
        plan, folder = self._plan, Path(self._plan.folder)
        return {
            "retry": None if plan.attempts == 1 else Retry(plan.attempts, wait=plan.wait),
            "output_dir": folder / "logs" if plan.output_dir else None,
            "journal": Journal(folder / "journal") if plan.journal else None,
        }

    def _wait(self, launcher: Launcher) -> None:
        def wait(number: int) -> None:
            handle = Handle(**self._plan.handles[number])
            try:
                outcome = launcher.wait(handle, on_output=partial(self._receive, number))
                self.report("result", number, result_of(outcome, None))
                launcher.remove(handle)
            except Exception as error:
                self.report("result", number, result_of(None, error))

        with ThreadPoolExecutor(max(1, len(self._plan.handles))) as pool:
            list(pool.map(wait, range(len(self._plan.handles))))

    def _run(self, number: int) -> Run:
        plan = self._plan
        name = f"fault-{number}-{plan.env[MARK][:8]}"  # an engine that was killed may not forget a name
        what: dict[str, Any] = (
            {"entrypoint": plan.entrypoint} if plan.entrypoint else {"command": ["sh", "-c", plan.script]}
        )
        return Run(name=name, env=plan.env, labels=plan.labels, timeout=plan.timeout, **what)

    def _callbacks(self, number: int) -> dict[str, Any]:
        on_output = partial(self._receive, number) if self._plan.output in ("recorded", "blocked") else None
        return {"on_start": partial(self._start, number), "on_output": on_output}

    def _start(self, number: int, handle: Handle) -> None:
        self.report("handle", number, attrs.asdict(handle))
        if self._plan.start_blocks:
            self._released.wait()

    def _receive(self, number: int, run: Run, line: str) -> None:
        self.report("line", number, line)
        if self._plan.output == "blocked":
            self._released.wait()

    def _report_future(self, number: int, future: LaunchFuture) -> None:
        error = None if future.cancelled() else future.exception()
        self.report("result", number, {**result_of(future.outcome, error), "cancelled": future.cancelled()})

    def _read_commands(self) -> None:
        for line in sys.stdin:
            if line == "release\n":
                self._released.set()
            elif line == "stop\n" and self._executor is not None:
                threading.Thread(target=self._executor.stop, name="stop", daemon=True).start()
            elif line == "cancel\n":
                for future in self._futures:
                    future.cancel()
        if self._executor is not None:  # the scene has ended without this process
            self._executor.stop(hurry=True)


def held() -> set[str]:
    return {*threads(), *children(), *channels()}


def released(before: set[str]) -> set[str]:
    """What this process holds in addition."""
    gc.collect()
    return held() - before


def result_of(outcome: Outcome | None, error: BaseException | None) -> dict[str, Any]:
    result: dict[str, Any] = {"error": type(error).__name__ if error else "", "said": str(error or "")}
    if outcome is not None:
        result |= {"reason": outcome.reason.name, "exit_code": outcome.exit_code}
        result["said"] = result["said"] or f"{outcome.message} {outcome.hint}"
        result["complete"] = outcome.output_complete
    return result


if __name__ == "__main__":
    Driver(Plan(**json.loads(sys.argv[1])), int(sys.argv[2])).main()
