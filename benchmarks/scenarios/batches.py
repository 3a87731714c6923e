"""What a batch costs: as a command line beside GNU parallel and xargs, and with a journal."""

from __future__ import annotations

from functools import partial

from contenders import Contender, batches, processes
from metrics import seconds_and_cpu_seconds_of

from .scenario import Measured, Scenario

ECHO = ["/bin/echo", "hello"]
METRICS = ("runs/s", "CPU ms a run")


def cost(usual: int, contender: Contender, workers: int, quick: bool) -> Measured:
    """The processor time is that of the contender and of the processes that it has waited for."""
    count = 2 * workers if quick else usual
    with contender(workers) as launch:
        launch([ECHO] * workers)
        seconds, cpu_seconds = seconds_and_cpu_seconds_of(lambda: launch([ECHO] * count))
    return dict(zip(METRICS, (count / seconds, cpu_seconds / count * 1000), strict=True))


SCENARIOS = (
    Scenario(
        name="batch",
        title="A command line that launches 1,000 quick processes",
        size="workers",
        sizes=(8,),
        quick_sizes=(2,),
        rounds=5,
        metrics=METRICS,
        contenders={
            "xargs": processes.xargs,
            "launchpad batch --quiet": batches.launchpad_batch_quiet,
            "launchpad batch": batches.launchpad_batch,
            "GNU parallel": processes.gnu_parallel,
        },
        measure=partial(cost, 1000),
    ),
    Scenario(
        name="journal",
        title="Quick runs with and without a journal",
        size="workers",
        sizes=(8,),
        quick_sizes=(2,),
        rounds=5,
        metrics=METRICS,
        contenders={
            "launchpad": processes.launchpad,
            "launchpad, journal": batches.launchpad_journal,
            "launchpad, no processes": batches.in_memory,
            "launchpad, no processes, journal": batches.in_memory_journal,
            "GNU parallel": processes.gnu_parallel,
            "GNU parallel, --joblog": batches.gnu_parallel_joblog,
        },
        measure=partial(cost, 300),
    ),
)
