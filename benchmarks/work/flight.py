"""How cost grows with what is in flight: N runs that sleep, and quick ones launched beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from measure import descriptors, rate_of, resident_memory, threads
from scenario import Measured, Scenario
from ways import Command, containers, flights, jobs

from launchpad import SubprocessLauncher

from .jobs import server

Make = Callable[[int], flights.Flight]

SETTLED = 1.0
"""Seconds from the last start until the flight is measured: what is done for runs that take longer is done by then."""

METRICS = ("starts/s", "quick runs/s beside them", "MB", "threads", "descriptors", "ends/s")


def fly(sleep: Command, quick_one: Command, quick_ones: int, make: Make, size: int, quick: bool) -> Measured:
    flight = make(size)
    try:
        return _flown(flight, [sleep] * size, [quick_one] * (2 if quick else quick_ones))
    finally:
        flight.end()
        flight.close()


def _flown(flight: flights.Flight, sleeping: list[Command], quick: list[Command]) -> Measured:
    """`MB` is resident memory beyond that of the same process before it had any in flight."""
    flight.quick(quick[:1])
    before = resident_memory()
    starts = rate_of(lambda: flight.start(sleeping), len(sleeping))
    time.sleep(SETTLED)
    held = {"MB": (resident_memory() - before) / 1e6, "threads": threads(), "descriptors": descriptors()}
    beside = rate_of(lambda: flight.quick(quick), len(quick))
    ends = rate_of(flight.end, len(sleeping))
    return {"starts/s": starts, "quick runs/s beside them": beside, **held, "ends/s": ends}


def fly_pods(make: Make, size: int, quick: bool) -> Measured:
    with server(quick):
        return fly(["sleep", "3600"], ["true"], 8, make, size, quick)


def _local(size: int) -> flights.Flight:
    return flights.Ours(SubprocessLauncher(stream_output=False), size)


def _docker(size: int) -> flights.Flight:
    return flights.Ours(containers.launcher(auto_remove=True, stream_output=False, grace=0), size)


def _kubernetes(size: int) -> flights.Flight:
    return flights.OurJobs(jobs.launcher(), size)


SCENARIOS = (
    Scenario(
        "flight",
        "Local runs in flight",
        "in flight",
        (1, 10, 100, 300, 1000),
        quick=(1, 20),
        rounds=3,
        metrics=METRICS,
        contenders={"bare Popen": flights.Popens, "launchpad": _local, "asyncio": flights.Asyncio},
        measure=partial(fly, ["/bin/sleep", "3600"], ["/bin/echo", "hello"], 1500),
        chart="lines",
    ),
    Scenario(
        "container-flight",
        "Containers in flight",
        "in flight",
        (1, 10, 50, 150),
        quick=(2,),
        rounds=1,
        metrics=METRICS,
        contenders={"docker-py, low level": flights.Containers, "launchpad": _docker},
        measure=partial(fly, ["sleep", "3600"], ["true"], 24),
        engine="docker",
        chart="lines",
    ),
    Scenario(
        "pod-flight",
        "Pods in flight",
        "in flight",
        (1, 10, 100),
        quick=(1,),
        rounds=1,
        metrics=METRICS,
        contenders={"plain client, watches each": flights.Jobs, "launchpad": _kubernetes},
        measure=fly_pods,
        engine="kubernetes",
        chart="lines",
    ),
)
