"""`FakeLauncher`: a launcher for code under test."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from typing import ClassVar

import attrs

from ..core.backend import Backend, Spec
from ..core.names import candidates, of_attempt
from ..environment import base_run_environment
from ..launcher import Launcher
from ..models import Run
from ..stdin import hidden_stdin, shown_stdin
from ..variables import attempt_of
from .backend import FakeBackend


@attrs.frozen
class FakeLauncher(Launcher):
    """A launcher for code under test; `fake` says what its runs do, and has seen what they were given.

    `register_launcher(FakeLauncher)` makes it known by its type, "fake".
    """

    type: ClassVar[str] = "fake"
    connects_by: ClassVar[tuple[str, ...]] = ("fake",)
    instead_of_stdin: ClassVar[str | None] = None

    fake: FakeBackend = attrs.field(factory=FakeBackend)

    def spec(self, run: Run, name: str) -> Spec:
        env = {**base_run_environment(), **self.env, **run.env}
        return {
            "name": name,
            "command": run.command,
            "entrypoint": run.entrypoint,
            "parameters": run.parameters,
            "env": {key: value for key, value in env.items() if value is not None},
            "working_dir": run.working_dir,
            **({} if run.stdin is None else {"stdin": hidden_stdin(run.stdin)}),
        }

    def connect(self) -> Backend:
        return self.fake.connect()

    def engine_key(self) -> Hashable:
        return self.fake

    def names(self, run: Run) -> Iterator[str]:
        return candidates(of_attempt(run.name, attempt_of(run.env), 250), 250)

    def render(self, spec: Spec, *, reveal: bool) -> str:
        env = spec["env"] if reveal else dict.fromkeys(spec["env"], "***")
        parameters = spec["parameters"] if reveal else dict.fromkeys(spec["parameters"], "***")
        shown = {**spec, "env": env, "parameters": parameters}
        if "stdin" in spec:
            shown["stdin"] = shown_stdin(spec["stdin"], reveal)
        return json.dumps(shown, indent=2)
