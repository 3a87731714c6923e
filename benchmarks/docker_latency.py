"""From the engine's die event to the future's result: milliseconds, by the engine's own time of the event.

    python benchmarks/docker_latency.py [RUNS [WORKERS]]

The engine must be on this machine: two clocks would be compared otherwise.
"""

from __future__ import annotations

import sys
import threading
import time

from measure import percentile

from launchpad import DockerLauncher, LaunchExecutor, LaunchFuture, Run


def latencies(runs: int, workers: int) -> list[float]:
    """Milliseconds from each run's end to its result, output on."""
    done_at: dict[LaunchFuture, float] = {}
    lock = threading.Lock()

    def note(future: LaunchFuture) -> None:
        now = time.time()
        with lock:
            done_at[future] = now

    launcher = DockerLauncher(image="busybox:1", network_mode="none")
    with launcher, LaunchExecutor(launcher, workers) as executor:
        futures = []
        for number in range(runs):
            run = Run(command=["echo", "hello"], name=f"benchmark-{time.time_ns()}-{number}")
            futures.append(executor.submit(run, on_output=lambda run, line: None))
            futures[-1].add_done_callback(note)
        assert all(future.result() for future in futures)
        for future in futures:
            launcher.remove(future.handle)
    return [(done_at[future] - future.outcome.ended_at.timestamp()) * 1000 for future in futures]


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    runs, workers = given + [200, 8][len(given) :]
    values = latencies(runs, workers)
    shown = "  ".join(f"p{percent} {percentile(values, percent):.1f}" for percent in (50, 90, 99))
    print(f"die event to result, {runs} runs, {workers} workers: {shown} ms")
