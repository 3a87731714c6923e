"""Quick local processes per second: output off, output streamed, and from a parent that holds much memory."""

from __future__ import annotations

import os

from contenders import Contender, peers, processes
from metrics import rate_of

from .scenario import Measured, Scenario

ECHO = ["/bin/echo", "hello"]

SLOW = {peers.psij: 0.1, peers.submitit: 0.01, peers.parsl: 0.3, processes.gnu_parallel: 0.3}
"""Slow contenders, with the share of the others' runs that is enough to measure them."""

ALL = {
    **processes.BASIC,
    "bare Popen, own environments": processes.bare_popen_with_environment,
    "xargs": processes.xargs,
    "GNU parallel": processes.gnu_parallel,
    **peers.PEERS,
}


def rates(contender: Contender, workers: int, quick: bool) -> Measured:
    usual = 16 if quick else 300 if workers == 1 else 1000
    count = max(2 * workers, round(usual * SLOW.get(contender, 1)))
    with contender(workers) as launch:
        launch([ECHO] * workers)
        return {"runs/s": rate_of(lambda: launch([ECHO] * count), count)}


def rates_of_large_parent(contender: Contender, megabytes: int, quick: bool) -> Measured:
    ballast = bytearray(os.urandom(1024)) * 1024 * megabytes
    measured = rates(contender, 8, quick)
    assert len(ballast) == megabytes * 2**20  # keeps it alive until here
    return measured


SCENARIOS = (
    Scenario(
        name="processes",
        title="Quick local processes, output off",
        size="workers",
        sizes=(1, 8, 64),
        quick_sizes=(2,),
        rounds=7,
        metrics=("runs/s",),
        contenders=ALL,
        measure=rates,
        largest={"submitit": 8},
    ),
    Scenario(
        name="processes-streamed",
        title="Quick local processes, output streamed",
        size="workers",
        sizes=(1, 8, 64),
        quick_sizes=(2,),
        rounds=7,
        metrics=("runs/s",),
        contenders={
            "bare Popen, captured": processes.bare_popen_captured,
            "launchpad, whole lines": processes.launchpad_streamed,
        },
        measure=rates,
    ),
    Scenario(
        name="large-parent",
        title="Quick local processes, 8 workers, from a parent that holds memory",
        size="MiB",
        sizes=(0, 1024),
        quick_sizes=(64,),
        rounds=5,
        metrics=("runs/s",),
        contenders=processes.BASIC,
        measure=rates_of_large_parent,
    ),
)
