"""The fake engine: it must do what the real ones do, or it is no stand-in for them."""

from __future__ import annotations

from typing import Any

import attrs

from launchpad import Launcher, Run
from launchpad.core.backend import Chunk
from launchpad.testing import FakeBackend, FakeLauncher, FakeRun, Script, ignore

from .harness import End, Harness, Program, Repeat, Say, ShowFolder, ShowVariable, UntilStopped, Write


class FakeHarness(Harness):
    name = "fake"
    start_takes = 0.002
    other_processes = exit_code_elsewhere = False

    def __init__(self, mark: str = "") -> None:
        super().__init__(mark)
        self._programs: dict[str, Program] = {}
        self._fake = FakeBackend(lambda fake: _script(self._programs[fake.run.id], fake))

    @classmethod
    def unavailable(cls) -> str:
        return ""

    def launcher(self, **settings: Any) -> Launcher:
        return FakeLauncher(self._fake, **settings)

    def leftovers(self) -> list[str]:
        return [repr(fake) for fake in self._fake.runs if fake.exit is None]

    def run(self, program: Program, **fields: Any) -> Run:
        run = super().run(program, **fields)
        self._programs[run.id] = program
        return run


def _script(program: Program, fake: FakeRun) -> Script:
    script = Script()
    output: list[Chunk] = []
    for step in program:
        if isinstance(step, Write):
            output.append(Chunk(step.stream, step.data))
        elif isinstance(step, Say):
            output.append(_line(step.text))
        elif isinstance(step, Repeat):
            output.append(Chunk("stdout", step.text.encode() * step.times))
        elif isinstance(step, ShowVariable):
            value = fake.env.get(step.name)
            output.append(_line("unset" if value is None else f"[{value}]"))
        elif isinstance(step, ShowFolder):
            output.append(_line(fake.spec["working_dir"] or "/"))
        elif isinstance(step, End):
            script = Script(exit_code=step.status)
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
