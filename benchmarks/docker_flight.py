"""What many containers in flight cost the client: threads, descriptors and resident memory a run.

python benchmarks/docker_flight.py [RUNS]
"""

from __future__ import annotations

import gc
import sys
import time
import warnings

from measure import descriptors, resident_memory, threads

from launchpad import DockerLauncher, LaunchExecutor, Run


def fly(count: int) -> None:
    warnings.simplefilter("error")
    launcher = DockerLauncher(image="busybox:1", network_mode="none", auto_remove=True, grace=0)
    with launcher, LaunchExecutor(launcher, count, max_launches=16) as executor:
        assert executor.submit(Run(command=["true"]), on_output=lambda run, line: None).result()
        gc.collect()
        before = resident_memory()
        runs = [Run(command=["sleep", "600"], name=f"benchmark-{time.time_ns()}-{n}") for n in range(count)]
        futures = [executor.submit(run, on_output=lambda run, line: None) for run in runs]
        for future in futures:
            future.wait_started()
        gc.collect()
        grown = (resident_memory() - before) / count
        print(f"{count} containers in flight, each with its output followed")
        print(f"  threads      {threads() - 1} beside the main one ({count} workers)")
        print(f"  descriptors  {descriptors()}")
        print(f"  memory       {grown / 1000:.0f} KB a run")
        executor.stop()
    print(f"  afterwards   {threads()} thread, {descriptors()} descriptors")


if __name__ == "__main__":
    fly(int(sys.argv[1]) if sys.argv[1:] else 150)
