"""What the value of a local call costs: processor time beyond that of the same run without a value."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from metrics import seconds_and_cpu_seconds_of

from launchpad import Launcher, Run, SubprocessLauncher, engine

from .scenario import Measured, Scenario

FUNCTION = "gc:isenabled"


def cost(make_launcher: Callable[..., Launcher], size: int, quick: bool) -> Measured:
    """Calls a function, and runs the same engine as a command, which has no value. The two alternate."""
    command = [sys.executable, engine.__file__, FUNCTION]
    with make_launcher(stream_output=False) as launcher:

        def call() -> None:
            assert launcher.launch(Run(entrypoint=FUNCTION)).value is True

        def run() -> None:
            assert launcher.submit(Run(command=command))

        pairs = [(_milliseconds(call), _milliseconds(run)) for _ in range(3 if quick else 500)]
    calls, runs = zip(*pairs, strict=True)
    difference = statistics.median(calls) - statistics.median(runs)
    return {"CPU ms a call": statistics.median(calls), "of it for the value": max(0.0, difference)}


def _milliseconds(work: Callable[[], object]) -> float:
    return seconds_and_cpu_seconds_of(work)[1] * 1000


SCENARIOS = (
    Scenario(
        name="values",
        title="Calls of a function in a local process",
        size="workers",
        rounds=5,
        metrics=("CPU ms a call", "of it for the value"),
        contenders={"launchpad": SubprocessLauncher},
        measure=cost,
    ),
)
