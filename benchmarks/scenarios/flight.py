"""How cost grows with the number of runs in flight: N runs sleep, and quick runs are launched beside them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from contenders import Command, containers, flights, jobs
from metrics import descriptors, rate_of, resident_memory, seconds_of, threads

from launchpad import SubprocessLauncher

from .jobs import cluster
from .scenario import Measured, Scenario

MakeFlight = Callable[[int], flights.Flight]

SLEEP = ["/bin/sleep", "3600"]

SETTLE_TIME = 1.0
"""Seconds between the last start and the measurement."""

METRICS = ("starts/s", "quick runs/s beside them", "MB", "threads", "descriptors", "ends/s")


def fly(sleep: Command, quick_one: Command, quick_count: int, make: MakeFlight, size: int, quick: bool) -> Measured:
    flight = make(size)
    try:
        return _measure(flight, [sleep] * size, [quick_one] * (2 if quick else quick_count))
    finally:
        flight.end()
        flight.close()


def _measure(flight: flights.Flight, sleeping: list[Command], quick: list[Command]) -> Measured:
    """`MB` is the growth of the process's resident memory, from before the first run in flight."""
    flight.quick(quick[:1])
    before = resident_memory()
    starts = rate_of(lambda: flight.start(sleeping), len(sleeping))
    time.sleep(SETTLE_TIME)
    held = {"MB": (resident_memory() - before) / 1e6, "threads": threads(), "descriptors": descriptors()}
    beside = rate_of(lambda: flight.quick(quick), len(quick))
    ends = rate_of(flight.end, len(sleeping))
    return {"starts/s": starts, "quick runs/s beside them": beside, **held, "ends/s": ends}


def hold(make: MakeFlight, size: int, quick: bool) -> Measured:
    """Measures the memory, threads and descriptors of runs in flight, and the time until all are cancelled."""
    flight = make(size)
    try:
        before = resident_memory()
        starts = rate_of(lambda: flight.start([SLEEP] * size), size)
        time.sleep(SETTLE_TIME)
        held = {"MB": (resident_memory() - before) / 1e6, "threads": threads(), "descriptors": descriptors()}
        return {"starts/s": starts, **held, "s to cancel all": seconds_of(flight.end)}
    finally:
        flight.end()
        flight.close()


def fly_pods(make: MakeFlight, size: int, quick: bool) -> Measured:
    with cluster(quick):
        return fly(["sleep", "3600"], ["true"], 8, make, size, quick)


def _local(size: int) -> flights.Flight:
    return flights.Launchpad(SubprocessLauncher(stream_output=False), size)


def _docker(size: int) -> flights.Flight:
    return flights.Launchpad(containers.launcher(auto_remove=True, stream_output=False, grace=0), size)


def _kubernetes(size: int) -> flights.Flight:
    return flights.LaunchpadJobs(jobs.launcher(), size)


SCENARIOS = (
    Scenario(
        name="flight",
        title="Local runs in flight",
        size="in flight",
        sizes=(1, 10, 100, 300, 1000),
        quick_sizes=(1, 20),
        rounds=3,
        metrics=METRICS,
        contenders={"bare Popen": flights.Popens, "launchpad": _local, "asyncio": flights.Asyncio},
        measure=partial(fly, SLEEP, ["/bin/echo", "hello"], 1500),
        chart="lines",
    ),
    Scenario(
        name="sleepers",
        title="10,000 local runs in flight, cancelled all at once",
        size="in flight",
        sizes=(10_000,),
        quick_sizes=(20,),
        rounds=1,
        metrics=("starts/s", "MB", "threads", "descriptors", "s to cancel all"),
        contenders={"bare Popen": flights.Popens, "launchpad": _local},
        measure=hold,
    ),
    Scenario(
        name="container-flight",
        title="Containers in flight",
        size="in flight",
        sizes=(1, 10, 50, 150),
        quick_sizes=(2,),
        rounds=1,
        metrics=METRICS,
        contenders={"docker-py, low level": flights.Containers, "launchpad": _docker},
        measure=partial(fly, ["sleep", "3600"], ["true"], 24),
        engine="docker",
        chart="lines",
    ),
    Scenario(
        name="pod-flight",
        title="Pods in flight",
        size="in flight",
        sizes=(1, 10, 100),
        rounds=1,
        metrics=METRICS,
        contenders={"plain client, watches each": flights.Jobs, "launchpad": _kubernetes},
        measure=fly_pods,
        engine="kubernetes",
        chart="lines",
    ),
)
