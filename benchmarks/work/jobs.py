"""Quick Jobs: how many per second, at what cost to the API server and the client, and how soon results are there."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from measure import cpu_seconds, percentile
from scenario import Measured, Scenario
from ways import Way, jobs

COMMAND = ["true"]

COUNTED = re.compile(r"^apiserver_request_total\{(.*)\} (\d+)$", re.MULTILINE)


@contextmanager
def server(quick: bool) -> Iterator[jobs.Plain]:
    """The cluster, with a namespace for this measurement; unless quick, what it held is gone afterwards."""
    plain = jobs.Plain(1)
    with plain.namespace():
        yield plain
    if not quick:
        plain.wait_gone()
    plain.close()


def rates(way: Way, count: int, quick: bool) -> Measured:
    with server(quick) as plain:
        before = requests(plain)
        with way(count) as launch:
            launch([COMMAND])
            wall, cpu = time.perf_counter(), cpu_seconds()
            launch([COMMAND] * count)
            wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
        after = requests(plain)
    return {
        "Jobs/s": count / wall,
        "client CPU ms a Job": cpu / count * 1000,
        "requests a Job": (after["requests"] - before["requests"]) / (count + 1),
        "watches a Job": (after["watches"] - before["watches"]) / (count + 1),
    }


def requests(plain: jobs.Plain) -> dict[str, int]:
    """What clients have asked of Jobs, pods and events, by the server's metrics.

    Those are answered in JSON or plain text; the cluster's own parts speak protobuf. The server counts a watch when it
    ends, so those that have just been closed get a second.
    """
    time.sleep(1)
    counts = {"requests": 0, "watches": 0}
    for labels, count in COUNTED.findall(_metrics(plain)):
        if re.search(r'resource="(jobs|pods|events)"', labels) and "protobuf" not in labels:
            counts["requests"] += int(count)
            counts["watches"] += int(count) * ('verb="WATCH"' in labels)
    return counts


def _metrics(plain: jobs.Plain) -> str:
    client = plain.core.api_client
    login = {auth["key"]: auth["value"] for auth in client.configuration.auth_settings().values()}
    answer = client.rest_client.pool_manager.request("GET", f"{client.configuration.host}/metrics", headers=login)
    text: str = answer.data.decode()
    return text


def end_to_result(way: Way, workers: int, quick: bool) -> Measured:
    """From the moment that a watch of its own tells of a Job's end; 0 for a result that was there before."""
    took = []
    with server(quick) as plain, way(workers) as launch:
        ends: queue.Queue[float] = queue.Queue()
        threading.Thread(target=_note, args=(plain, ends), daemon=True).start()
        for _ in range(1 if quick else 15):
            launch([COMMAND])
            now = time.monotonic()
            took.append(max(0, now - ends.get(timeout=60)) * 1000)
    return {"median ms": percentile(took, 50), "p99 ms": percentile(took, 99)}


def _note(plain: jobs.Plain, ends: queue.Queue[float]) -> None:
    ended = set()
    for _kind, job in plain.jobs():
        if job.status.conditions and job.metadata.name not in ended:
            ended.add(job.metadata.name)
            ends.put(time.monotonic())


ALL = {
    "plain client, one watch": jobs.one_watch,
    "launchpad": jobs.launchpad,
    "plain client, watches each": jobs.watches_each,
    "kubectl by xargs": jobs.kubectl,
}

SCENARIOS = (
    Scenario(
        "jobs",
        "Quick Jobs, all at once",
        "Jobs",
        (1, 24, 100),
        quick=(1,),
        rounds=3,
        metrics=("Jobs/s", "requests a Job", "watches a Job", "client CPU ms a Job"),
        contenders=ALL,
        measure=rates,
        engine="kubernetes",
    ),
    Scenario(
        "job-end-to-result",
        "From the event of a Job's end to its result",
        "worker",
        (1,),
        quick=(1,),
        rounds=1,
        metrics=("median ms", "p99 ms"),
        contenders=ALL,
        measure=end_to_result,
        engine="kubernetes",
    ),
)
