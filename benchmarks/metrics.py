"""Functions that measurements share: rates, percentiles, and the resources of this process."""

from __future__ import annotations

import gc
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

PERCENTILES = ("median ms", "p99 ms")
"""The metrics of `percentiles`."""


def rate_of(work: Callable[[], object], amount: float) -> float:
    """`amount` divided by the seconds that `work()` takes."""
    return amount / seconds_of(work)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def seconds_and_cpu_seconds_of(work: Callable[[], object]) -> tuple[float, float]:
    """How long `work()` takes, and the processor time of this process and its ended children meanwhile."""
    before = _cpu_seconds()
    seconds = seconds_of(work)
    return seconds, _cpu_seconds() - before


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """The values of `PERCENTILES`."""
    ordered = sorted(milliseconds)
    values = (ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 99))
    return dict(zip(PERCENTILES, values, strict=True))


def resident_memory() -> int:
    """Bytes of this process's resident memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    """How many threads the kernel counts in this process."""
    return len(os.listdir("/proc/self/task"))


def _cpu_seconds() -> float:
    # os.times counts in hundredths of a second.
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
