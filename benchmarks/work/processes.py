"""Quick local processes per second: output off, output streamed, and from a parent that holds much memory."""

from __future__ import annotations

import os

from measure import rate_of
from scenario import Measured, Scenario
from ways import Way, peers, processes

ECHO = ["/bin/echo", "hello"]

SLOW = {peers.psij: 0.1, peers.submitit: 0.01, peers.parsl: 0.3, processes.gnu_parallel: 0.3}
"""How many runs, as a share of the others', give a fair measurement of a slow way."""


def rates(way: Way, workers: int, quick: bool) -> Measured:
    usual = 16 if quick else 300 if workers == 1 else 1000
    count = max(2 * workers, round(usual * SLOW.get(way, 1)))
    with way(workers) as launch:
        launch([ECHO] * workers)
        return {"runs/s": rate_of(lambda: launch([ECHO] * count), count)}


def rates_of_large_parent(way: Way, megabytes: int, quick: bool) -> Measured:
    ballast = bytearray(os.urandom(1024)) * 1024 * megabytes
    measured = rates(way, 8, quick)
    assert len(ballast) == megabytes * 2**20  # it was there all the while
    return measured


SCENARIOS = (
    Scenario(
        "processes",
        "Quick local processes, output off",
        "workers",
        (1, 8, 64),
        quick=(2,),
        rounds=7,
        metrics=("runs/s",),
        contenders={
            "bare Popen": processes.bare_popen,
            "launchpad": processes.launchpad,
            "asyncio": processes.asyncio_subprocess,
            "joblib": peers.joblib_threads,
            "xargs": processes.xargs,
            "GNU parallel": processes.gnu_parallel,
            "PSI/J": peers.psij,
            "parsl": peers.parsl,
            "submitit": peers.submitit,
        },
        measure=rates,
        at_most={"submitit": 8},
    ),
    Scenario(
        "processes-streamed",
        "Quick local processes, output streamed",
        "workers",
        (1, 8, 64),
        quick=(2,),
        rounds=7,
        metrics=("runs/s",),
        contenders={
            "bare Popen, captured": processes.bare_popen_captured,
            "launchpad, whole lines": processes.launchpad_streamed,
        },
        measure=rates,
    ),
    Scenario(
        "large-parent",
        "Quick local processes, 8 workers, from a parent that holds memory",
        "MiB",
        (0, 1024),
        quick=(64,),
        rounds=5,
        metrics=("runs/s",),
        contenders={
            "bare Popen": processes.bare_popen,
            "launchpad": processes.launchpad,
            "asyncio": processes.asyncio_subprocess,
        },
        measure=rates_of_large_parent,
    ),
)
