"""What measurements have in common: time, percentiles, and what this process holds."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from pathlib import Path


def rate_of(work: Callable[[], object], amount: float) -> float:
    """`amount` of something per second of `work()`."""
    began = time.perf_counter()
    work()
    return amount / (time.perf_counter() - began)


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(percent / 100 * len(ordered)))]


def resident_memory() -> int:
    """Bytes of this process's resident memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    """How many threads this process has by the kernel's count."""
    return len(os.listdir("/proc/self/task"))


def cpu_seconds() -> float:
    """Seconds of processor time that this process and its ended children have taken."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
