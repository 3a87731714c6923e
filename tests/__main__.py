"""Runs the tests in two lanes: in parallel, then those marked `alone` one by one.

python -m tests [PYTEST OPTIONS]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

CPU_MINUTES = 6
"""Minutes that all tests without an engine take on one core."""

NO_TESTS = 5
"""pytest's exit status if no test was selected."""

LANES: dict[str, Callable[[list[str]], list[str]]] = {
    "parallel": lambda options: ["--numprocesses=logical", "--dist=worksteal", *options],
    "alone": lambda options: [*options, "--numprocesses=0"],
}
"""The options of each lane: those given choose the number of processes of the parallel lane alone."""


def main(options: list[str]) -> int:
    """Runs pytest once for each lane; returns 0 if all selected tests pass, and otherwise pytest's exit status."""
    if not options:
        cores = os.cpu_count() or 1
        print(
            f"All tests: about {max(1, round(CPU_MINUTES / cores))} min on {cores} cores, more with engines.",
            flush=True,
        )
    began = time.monotonic()
    statuses = [_run(lane, options) for lane in LANES]
    print(f"The tests took {time.monotonic() - began:.0f} s.", flush=True)
    failures = [status for status in statuses if status not in (0, NO_TESTS)]
    return failures[0] if failures else min(statuses)


def _run(lane: str, options: list[str]) -> int:
    print(f"\nLane: {lane}", flush=True)
    return subprocess.call([sys.executable, "-m", "pytest", f"--lane={lane}", *LANES[lane](options)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
