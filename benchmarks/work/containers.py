"""Quick containers: how many per second, by how many requests, and how soon after its end a result is there."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

from counting import counted_docker
from measure import cpu_seconds, percentile
from scenario import Measured, Scenario
from ways import Way, containers

ECHO = ["echo", "hello"]


def rates(way: Way, workers: int, quick: bool) -> Measured:
    count = 2 if quick else max(20, 4 * workers)
    with way(workers) as launch:
        launch([ECHO] * min(workers, 8))
        wall, cpu = time.perf_counter(), cpu_seconds()
        launch([ECHO] * count)
        return {
            "runs/s": count / (time.perf_counter() - wall),
            "client CPU ms a run": (cpu_seconds() - cpu) / count * 1000,
        }


def requests(way: Way, workers: int, quick: bool) -> Measured:
    count = 2 if quick else 4 * workers
    with counted_docker() as counter:
        with way(workers) as launch:
            launch([ECHO] * count)
        return {"requests a run": counter.requests / count}


def end_to_result(way: Way, workers: int, quick: bool) -> Measured:
    """From the engine's own time of a container's end; containers are kept, one is launched after the other."""
    events = containers.connect(1)
    stream = events.events(decode=True, filters={"event": "die", "label": f"{containers.LABEL}={containers.MARK}"})
    deaths: queue.Queue[float] = queue.Queue()
    threading.Thread(target=_note, args=(stream, deaths), daemon=True).start()
    took = []
    with way(workers) as launch:
        for _ in range(3 if quick else 50):
            launch([ECHO])
            now = time.time()
            took.append((now - deaths.get(timeout=60)) * 1000)
    containers.clear()
    return {"median ms": percentile(took, 50), "p99 ms": percentile(took, 99)}


def _note(stream: Any, deaths: queue.Queue[float]) -> None:
    for event in stream:
        deaths.put(event["timeNano"] / 1e9)


ALL = {
    "docker-py, low level": containers.low_level,
    "launchpad": containers.launchpad,
    "docker-py, high level": containers.high_level,
    "docker run by xargs": containers.docker_run,
    "python-on-whales": containers.python_on_whales,
}

SCENARIOS = (
    Scenario(
        "containers",
        "Quick containers",
        "workers",
        (1, 8, 32, 60),
        quick=(2,),
        rounds=5,
        metrics=("runs/s", "client CPU ms a run"),
        contenders=ALL,
        measure=rates,
        engine="docker",
    ),
    Scenario(
        "container-requests",
        "Requests to the Docker Engine for a quick container",
        "workers",
        (8,),
        quick=(2,),
        rounds=1,
        metrics=("requests a run",),
        contenders=ALL,
        measure=requests,
        engine="docker",
    ),
    Scenario(
        "container-end-to-result",
        "From a container's end to its result",
        "worker",
        (1,),
        quick=(1,),
        rounds=3,
        metrics=("median ms", "p99 ms"),
        contenders={"docker-py, low level": containers.low_level_kept, "launchpad": containers.launchpad_kept},
        measure=end_to_result,
        engine="docker",
    ),
)
