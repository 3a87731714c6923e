"""What Jobs in flight cost us: N pods that sleep, all at once: memory, threads and descriptors.

    python benchmarks/kubernetes_flight.py [N] [streamed]

Needs a cluster (KUBECONFIG) that may be used for it, with the image busybox:1. Prints JSON, bytes for each run.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import wait

from measure import descriptors, resident_memory, threads

from launchpad import KubernetesLauncher, LaunchExecutor, Run


def main(count: int, streamed: bool) -> None:
    settings = {"image": "busybox:1", "grace": 1, "pod_watch_timeout": 1800, "finished_job_ttl": 0}
    with KubernetesLauncher(stream_output=streamed, **settings) as launcher:
        assert launcher.submit(Run(command=["true"]))
        before, threads_before = resident_memory(), threads()
        running: set[str] = set()
        with LaunchExecutor(launcher, count) as executor:
            began = time.perf_counter()
            output = {"on_output": lambda run, line: running.add(run.id)} if streamed else {}
            run = ["sh", "-c", "echo running; trap 'exit 0' TERM; sleep 3600 & wait"]
            futures = [executor.submit(Run(command=run), **output) for _ in range(count)]
            for future in futures:
                future.wait_started()
            while streamed and len(running) < count:
                time.sleep(0.2)
            if not streamed:
                time.sleep(60)
            held = {
                "bytes_a_run": (resident_memory() - before) / count,
                "threads_beyond_workers": threads() - count - 1,
                "threads_before": threads_before,
                "descriptors": descriptors(),
                "seconds_to_start": time.perf_counter() - began,
            }
            for future in futures:
                future.cancel()
            wait(futures)
        held["seconds_to_stop"] = time.perf_counter() - began - held["seconds_to_start"]
    print(json.dumps({name: round(value, 1) for name, value in held.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, "streamed" in sys.argv)
