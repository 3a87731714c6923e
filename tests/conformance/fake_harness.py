"""The fake engine, which must behave as the real ones do."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import attrs

from launchpad import Handle, Launcher, LaunchError, Reason, Run, RunError
from launchpad.core.backend import Chunk, Exit
from launchpad.core.diagnosis import of_exit_code
from launchpad.core.starters import this_process
from launchpad.results import NOT_WRITTEN
from launchpad.testing import FakeBackend, FakeLauncher, FakeRun, Script, ignore
from tests.helping import eventually

from .harness import (
    CopyInput,
    End,
    EndOnce,
    ExhaustMemory,
    Harness,
    LeaveGrandchild,
    Program,
    Repeat,
    Say,
    ShowFolder,
    ShowVariable,
    UntilStopped,
    Write,
)

END_TIMEOUT = 60.0
"""Seconds within which a run that is being stopped must have ended."""

IN_MEMORY = "its runs are in the memory of this process"


class FakeHarness(Harness):
    name = "fake"
    start_takes = 0.002
    cannot: ClassVar[Mapping[str, str]] = {
        "other_processes": IN_MEMORY,
        "exit_code_elsewhere": IN_MEMORY,
    }

    def __init__(self, mark: str = "") -> None:
        super().__init__(mark)
        self._programs: dict[str, Program] = {}
        self._refused: set[str] = set()  # the ids of runs
        self._fake = FakeBackend(self._script)

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        return FakeLauncher(self._fake, **settings)

    def leftovers(self) -> list[str]:
        return eventually(self._running, lambda left: not left, END_TIMEOUT)

    @contextmanager
    def breakable_events(self) -> Iterator[Callable[[], None]]:
        yield self._fake.break_events

    def kill(self, handle: Handle) -> None:
        self._run(handle).finish(-9)

    def remove(self, handle: Handle) -> None:
        self._run(handle).vanish()

    def evict(self, handle: Handle) -> None:
        self._run(handle).finish(Exit(exit_code=None, reason=Reason.EVICTED, message="The node is short of memory."))

    def unlaunchable(self) -> Run:
        run = super().run([])
        self._refused.add(run.id)
        return run

    def small_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(**settings)

    def python_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(**settings)

    def previewed(self, text: str) -> Any:
        return {key: value for key, value in json.loads(text).items() if key != "name"}

    def sent(self, handle: Handle) -> Any:
        return self._run(handle).spec

    def orphan(self, run: Run) -> Handle:
        with self.launcher() as launcher:
            handle = launcher.start(run)
        self._run(handle).starter = str(attrs.evolve(this_process(), started="1"))
        return handle

    def _running(self) -> list[str]:
        return [repr(fake) for fake in self._fake.runs if fake.exit is None]

    def _run(self, handle: Handle) -> FakeRun:
        return next(fake for fake in self._fake.runs if fake.handle == handle)

    def _script(self, fake: FakeRun) -> Script:
        if fake.run.id in self._refused:
            return Script(refusals=[LaunchError("The run is refused.")])
        if fake.run.entrypoint is not None:
            return _called(fake.run.entrypoint, fake.parameters)
        return _script(self._programs[fake.run.id], fake)

    def run(self, program: Program, **fields: Any) -> Run:
        run = super().run(program, **fields)
        self._programs[run.id] = program
        return run


def _called(entrypoint: str, parameters: dict[str, Any]) -> Script:
    """What a run does that calls a function of the standard library: it is called here."""
    if entrypoint == "os:_exit":
        code = parameters["status"]
        reason, message, hint = of_exit_code(code)
        end = Exit(exit_code=code, reason=reason, message=message, hint=hint, result=NOT_WRITTEN)
        return Script(exit_code=end)
    module, _, name = entrypoint.partition(":")
    try:
        return Script(value=getattr(importlib.import_module(module), name)(**parameters))
    except Exception as error:
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        return Script(exit_code=1, error=RunError(kind, str(error), "".join(traceback.format_exception(error))))


def _script(program: Program, fake: FakeRun) -> Script:
    script = Script()
    output: list[Chunk] = []
    for step in program:
        if isinstance(step, Write):
            output.append(Chunk(step.stream, step.data))
        elif isinstance(step, Say):
            output.append(_line(step.text))
        elif isinstance(step, CopyInput):
            output.append(Chunk("stdout", b"".join(fake.stdin.splitlines(keepends=True)[: step.lines])))
        elif isinstance(step, Repeat):
            output.append(Chunk("stdout", step.text.encode() * step.times))
        elif isinstance(step, ShowVariable):
            value = fake.env.get(step.name)
            output.append(_line("unset" if value is None else f"[{value}]"))
        elif isinstance(step, ShowFolder):
            output.append(_line(fake.spec["working_dir"] or "/"))
        elif isinstance(step, LeaveGrandchild):
            script = attrs.evolve(script, holds_output=True)
        elif isinstance(step, ExhaustMemory):
            script = Script(
                exit_code=Exit(
                    exit_code=137, reason=Reason.OOM_KILLED, message="Out of memory.", hint="Raise the limit."
                )
            )
            break
        elif isinstance(step, EndOnce):
            if fake.env.get("LAUNCHPAD_ATTEMPT", "1") == "1":
                script = attrs.evolve(script, exit_code=step.status)
                break
        elif isinstance(step, End):
            script = attrs.evolve(script, exit_code=step.status)
            break
        else:
            output.append(_line("ready"))
            script = _until_stopped(step)
            break
    return attrs.evolve(script, output=output)


def _until_stopped(step: UntilStopped) -> Script:
    def say_bye(fake: FakeRun) -> None:
        fake.write("bye\n")
        fake.finish(step.status)

    return Script(exit_code=None, on_stop=say_bye if step.obeys else ignore)


def _line(text: str) -> Chunk:
    return Chunk("stdout", text.encode() + b"\n")


HARNESSES = [FakeHarness]
