"""What runs in flight cost: N local runs that sleep, all at once: how fast they start, their memory and threads.

python benchmarks/flight.py N          prints JSON: seconds to start all, bytes, threads, seconds to end all
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import wait

from measure import descriptors, resident_memory, threads

from launchpad import LaunchExecutor, Run, SubprocessLauncher


def main(count: int) -> None:
    launcher = SubprocessLauncher(stream_output=False)
    assert launcher.submit(Run(command=["true"]))
    before = resident_memory()
    with LaunchExecutor(launcher, count) as executor:
        began = time.perf_counter()
        futures = executor.launch_all(Run(command=["sleep", "600"]) for _ in range(count))
        for future in futures:
            future.wait_started()
        started = time.perf_counter()
        held = {"bytes": resident_memory() - before, "threads": threads(), "descriptors": descriptors()}
        cancelling = time.perf_counter()
        for future in futures:
            future.cancel()
        wait(futures)
        ended = time.perf_counter()
    print(json.dumps({"starts_per_second": count / (started - began), "cancel_seconds": ended - cancelling, **held}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
