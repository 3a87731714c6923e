"""What every benchmark here needs: interleaved rounds, medians, ratios, and what a process holds."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Measurement = Callable[[], float]


def interleaved(measurements: Mapping[str, Measurement], rounds: int) -> dict[str, list[float]]:
    """Calls every measurement once a round, so that a slow moment of the machine hits all of them alike."""
    results: dict[str, list[float]] = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            results[name].append(measure())
    return results


def rate_of(work: Callable[[], object], amount: float) -> float:
    """`amount` of something per second of `work()`."""
    began = time.perf_counter()
    work()
    return amount / (time.perf_counter() - began)


def print_rates(title: str, results: Mapping[str, list[float]], unit: str) -> None:
    """Medians with their spread, and each one's ratio to the first: the median of the ratios within a round."""
    print(f"\n{title}")
    base = next(iter(results.values()))
    for name, values in results.items():
        ratio = statistics.median(value / other for value, other in zip(values, base, strict=True))
        spread = f"{min(values):.0f} to {max(values):.0f}"
        print(f"  {name:<34}{statistics.median(values):>9.0f} {unit:<8} ({spread})  {ratio:5.2f}")


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * len(ordered)))]


def resident_memory() -> int:
    """Bytes of this process's resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def threads() -> int:
    return threading.active_count()
