"""Faults that every engine can meet: of the launching process, its clock, its standard output and its connections."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Literal

import psutil

from tests.helping import eventually

from .processes import frozen, signal_group
from .scene import Scene

Fault = Callable[[Scene], None]

HOUR = 3600

LONG_ENOUGH = 5.0
"""Seconds that a fault lasts which runs of the usual script outlive or end in."""

BLOCKED_FOR = 6.0
"""Seconds within which a stopped run must be gone, whatever blocks: much more than the grace of the stop."""


def nothing(scene: Scene) -> None:
    """For rows whose fault lies in their plan or in their settings."""


def signal_launcher(number: signal.Signals) -> Fault:
    return lambda scene: scene.launching.process.send_signal(number)


def signal_launchers_group(number: signal.Signals) -> Fault:
    return lambda scene: signal_group(scene.launching.process, number)


def freeze_launcher(scene: Scene) -> None:
    with frozen(psutil.Process(scene.launching.process.pid)):
        scene.wait(LONG_ENOUGH)


def tell(command: str) -> Fault:
    return lambda scene: scene.launching.tell(command)


def jump(seconds: int) -> Fault:
    return lambda scene: scene.clock.jump(seconds)


def cut(pattern: str, way: Literal["cut", "half_close", "reset"] = "cut", times: int = 3) -> Fault:
    """Ends the matching streams again and again, each time after they were opened again."""

    def cause(scene: Scene) -> None:
        for again in range(times):
            if again:
                eventually(lambda: scene.proxy.open_now(pattern), bool, LONG_ENOUGH)
            getattr(scene.proxy, way)(pattern)

    return cause


def silence(pattern: str) -> Fault:
    """The matching connections deliver nothing for a while."""

    def cause(scene: Scene) -> None:
        scene.proxy.freeze(pattern)
        scene.wait(LONG_ENOUGH)
        scene.proxy.thaw()

    return cause


def slow_down(scene: Scene) -> None:
    scene.proxy.slow_down(200, 0.05)


def refuse(seconds: float, meanwhile: Fault = nothing) -> Fault:
    """Once all runs are created, the engine accepts no connection for a while, and those that are open are cut."""

    def cause(scene: Scene) -> None:
        scene.launching.wait_for_handles()
        scene.proxy.down()
        meanwhile(scene)
        scene.wait(seconds)
        scene.proxy.up()

    return cause


def first(*faults: Fault) -> Fault:
    """Several faults, one after the other."""

    def cause(scene: Scene) -> None:
        for fault in faults:
            fault(scene)

    return cause


def while_blocked(fault: Fault, timeout: float = BLOCKED_FOR) -> Fault:
    """Waits until every callback blocks, causes the fault, and releases the callbacks only after every run is gone."""

    def cause(scene: Scene) -> None:
        scene.launching.wait_for_handles()
        if scene.row.plan.output == "blocked":
            scene.launching.wait_for_line("line 0")
        fault(scene)
        scene.wait_until_gone(timeout)
        scene.launching.tell("release")

    return cause


def read_slowly(scene: Scene) -> None:
    """Reads the standard output of the launching process in small pieces."""
    stdout = scene.launching.process.stdout
    assert stdout is not None
    pieces = []
    while piece := os.read(stdout.fileno(), 128):
        pieces.append(piece)
        scene.wait(0.005)
    scene.launching.lines[0] += b"".join(pieces).decode().splitlines()


def close_reader(scene: Scene) -> None:
    """Closes the reading end of the standard output."""
    scene.launching.wait_for_handles()
    assert scene.launching.process.stdout is not None
    scene.launching.process.stdout.close()


def stop_unread(scene: Scene) -> None:
    """Cancels a run whose launching process is blocked in a write to a pipe that nobody reads."""
    scene.launching.wait_for_handles()
    scene.wait(1)
    scene.launching.tell("cancel")
    scene.wait_until_gone(BLOCKED_FOR)
    read_slowly_to_the_end(scene)


def read_slowly_to_the_end(scene: Scene) -> None:
    stdout = scene.launching.process.stdout
    assert stdout is not None
    while os.read(stdout.fileno(), 1 << 16):
        pass
