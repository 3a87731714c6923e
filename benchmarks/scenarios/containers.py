"""Quick containers: how many per second, with how many requests, and how soon after its end a result is available."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

from contenders import Contender, containers
from metrics import PERCENTILES, percentiles, seconds_and_cpu_seconds_of
from request_counter import counted_docker

from .scenario import Measured, Scenario

ECHO = ["echo", "hello"]


def rates(contender: Contender, workers: int, quick: bool) -> Measured:
    count = 2 if quick else max(20, 4 * workers)
    with contender(workers) as launch:
        launch([ECHO] * min(workers, 8))
        seconds, cpu_seconds = seconds_and_cpu_seconds_of(lambda: launch([ECHO] * count))
    return {"runs/s": count / seconds, "client CPU ms a run": cpu_seconds / count * 1000}


def requests(contender: Contender, workers: int, quick: bool) -> Measured:
    count = 2 if quick else 4 * workers
    with counted_docker() as counter:
        with contender(workers) as launch:
            launch([ECHO] * count)
        return {"requests a run": counter.requests / count}


def end_to_result(contender: Contender, workers: int, quick: bool) -> Measured:
    """From a container's end, as the engine dates it. One container is launched after the other, and kept."""
    events = containers.connect(1)
    stream = events.events(decode=True, filters={"event": "die", "label": f"{containers.LABEL}={containers.MARK}"})
    ends: queue.Queue[float] = queue.Queue()
    threading.Thread(target=_note_ends, args=(stream, ends), daemon=True).start()
    took = []
    with contender(workers) as launch:
        for _ in range(3 if quick else 50):
            launch([ECHO])
            now = time.time()
            took.append((now - ends.get(timeout=60)) * 1000)
    containers.clear()
    return percentiles(took)


def _note_ends(stream: Any, ends: queue.Queue[float]) -> None:
    for event in stream:
        ends.put(event["timeNano"] / 1e9)


SCENARIOS = (
    Scenario(
        name="containers",
        title="Quick containers",
        size="workers",
        sizes=(1, 8, 32, 60),
        quick_sizes=(2,),
        rounds=5,
        metrics=("runs/s", "client CPU ms a run"),
        contenders=containers.CONTAINERS,
        measure=rates,
        engine="docker",
    ),
    Scenario(
        name="container-requests",
        title="Requests to the Docker Engine for a quick container",
        size="workers",
        sizes=(8,),
        quick_sizes=(2,),
        rounds=1,
        metrics=("requests a run",),
        contenders=containers.CONTAINERS,
        measure=requests,
        engine="docker",
    ),
    Scenario(
        name="container-end-to-result",
        title="From a container's end to its result",
        size="worker",
        rounds=3,
        metrics=PERCENTILES,
        contenders={"docker-py, low level": containers.low_level_kept, "launchpad": containers.launchpad_kept},
        measure=end_to_result,
        engine="docker",
    ),
)
