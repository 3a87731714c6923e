"""Containers per second and the client's CPU time, against a loop over docker-py's APIClient written by hand.

    python benchmarks/docker_rates.py [RUNS [ROUNDS]]          with 8 and with 60 workers
    python benchmarks/docker_rates.py NAME RUNS WORKERS        prints the wall and CPU seconds of one of the two

Both create, start, follow to the end, read the output of and remove every container. Each measurement has a process of
its own, after a warm-up; the two take turns, so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

IMAGE = "busybox:1"
COMMAND = ["echo", "hello"]

Launch = Callable[[int], None]


@contextmanager
def bare(workers: int) -> Iterator[Launch]:
    import docker

    client = docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", max_pool_size=workers + 2)

    def one(_: int) -> bool:
        host = client.create_host_config(network_mode="none")
        container = client.create_container(IMAGE, COMMAND, host_config=host)["Id"]
        client.start(container)
        status = client.wait(container)["StatusCode"]
        output = client.logs(container)
        client.remove_container(container, v=True)
        return status == 0 and output == b"hello\n"

    with ThreadPoolExecutor(workers) as executor:
        yield lambda count: _check(executor.map(one, range(count)))
    client.close()


@contextmanager
def launchpad(workers: int) -> Iterator[Launch]:
    from launchpad import DockerLauncher, LaunchExecutor, Run

    lines: list[str] = []

    def launch(count: int) -> None:
        lines.clear()
        runs = [Run(command=COMMAND, name=f"benchmark-{time.time_ns()}-{number}") for number in range(count)]
        futures = [executor.submit(run, on_output=lambda run, line: lines.append(line)) for run in runs]
        _check(future.result() for future in futures)
        assert lines == ["hello"] * count

    launcher = DockerLauncher(image=IMAGE, network_mode="none", auto_remove=True)
    with launcher, LaunchExecutor(launcher, workers) as executor:
        yield launch


CONTENDERS = {"bare APIClient": bare, "launchpad": launchpad}


def _check(results: Iterator[bool]) -> None:
    assert all(results)


def measure(name: str, runs: int, workers: int) -> tuple[float, float]:
    """The wall and the CPU seconds of `runs` runs."""
    with CONTENDERS[name](workers) as launch:
        launch(min(workers, 8))
        wall, cpu = time.perf_counter(), time.process_time()
        launch(runs)
        return time.perf_counter() - wall, time.process_time() - cpu


def compare(runs: int, workers: int, rounds: int) -> None:
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    for turn in range(rounds):
        names = list(CONTENDERS)[:: 1 if turn % 2 else -1]
        for name in names:
            command = [sys.executable, __file__, name, str(runs), str(workers)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds[name].append(tuple(json.loads(printed)))
    print(f"\n{runs} containers, {workers} workers, median of {rounds} rounds")
    for name, row in seconds.items():
        wall, cpu = (statistics.median(one[kind] for one in row) for kind in (0, 1))
        ratios = [
            statistics.median(one[kind] / base[kind] for one, base in zip(row, seconds["bare APIClient"], strict=True))
            for kind in (0, 1)
        ]
        print(f"  {name:<16}{runs / wall:7.2f} runs/s ({ratios[0]:.2f} of the time)", end="")
        print(f"{cpu / runs * 1000:9.2f} ms of CPU a run ({ratios[1]:.2f})")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        given = [int(argument) for argument in sys.argv[1:]]
        runs, rounds = given + [120, 5][len(given) :]
        for workers in (8, 60):
            compare(runs, workers, rounds)
