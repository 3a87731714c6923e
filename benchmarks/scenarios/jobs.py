"""Quick Jobs: how many per second, at what cost to the API server and the client, and how soon a result is there."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from contenders import Contender, jobs
from metrics import PERCENTILES, percentiles, seconds_and_cpu_seconds_of

from .scenario import Measured, Scenario

COMMAND = ["true"]

REQUEST_COUNT = re.compile(r"^apiserver_request_total\{(.*)\} (\d+)$", re.MULTILINE)


@contextmanager
def cluster(quick: bool) -> Iterator[jobs.Client]:
    """A client of the cluster, with this measurement's namespace; unless quick, waits until that is removed."""
    client = jobs.Client(1)
    with client.namespace():
        yield client
    if not quick:
        client.wait_gone()
    client.close()


def rates(contender: Contender, count: int, quick: bool) -> Measured:
    with cluster(quick) as client:
        before = requests(client)
        with contender(count) as launch:
            launch([COMMAND])
            seconds, cpu_seconds = seconds_and_cpu_seconds_of(lambda: launch([COMMAND] * count))
        after = requests(client)
    return {
        "Jobs/s": count / seconds,
        "client CPU ms a Job": cpu_seconds / count * 1000,
        "requests a Job": (after["requests"] - before["requests"]) / (count + 1),
        "watches a Job": (after["watches"] - before["watches"]) / (count + 1),
    }


def requests(client: jobs.Client) -> dict[str, int]:
    """The requests of clients for Jobs, pods and events, by the server's metrics.

    Clients ask for JSON or plain text; the cluster's own parts use protobuf. The server counts a watch when it ends, so
    watches that have just been closed get a second.
    """
    time.sleep(1)
    counts = {"requests": 0, "watches": 0}
    for labels, count in REQUEST_COUNT.findall(_server_metrics(client)):
        if re.search(r'resource="(jobs|pods|events)"', labels) and "protobuf" not in labels:
            counts["requests"] += int(count)
            counts["watches"] += int(count) * ('verb="WATCH"' in labels)
    return counts


def _server_metrics(client: jobs.Client) -> str:
    api = client.core.api_client
    login = {auth["key"]: auth["value"] for auth in api.configuration.auth_settings().values()}
    response = api.rest_client.pool_manager.request("GET", f"{api.configuration.host}/metrics", headers=login)
    text: str = response.data.decode()
    return text


def end_to_result(contender: Contender, workers: int, quick: bool) -> Measured:
    """From the event of a Job's end in a separate watch; 0 if the result was available before that."""
    took = []
    with cluster(quick) as client, contender(workers) as launch:
        ends: queue.Queue[float] = queue.Queue()
        threading.Thread(target=_note_ends, args=(client, ends), daemon=True).start()
        for _ in range(1 if quick else 15):
            launch([COMMAND])
            now = time.monotonic()
            took.append(max(0, now - ends.get(timeout=60)) * 1000)
    return percentiles(took)


def _note_ends(client: jobs.Client, ends: queue.Queue[float]) -> None:
    ended = set()
    for _kind, job in client.jobs():
        if job.status.conditions and job.metadata.name not in ended:
            ended.add(job.metadata.name)
            ends.put(time.monotonic())


SCENARIOS = (
    Scenario(
        name="jobs",
        title="Quick Jobs, all at once",
        size="Jobs",
        sizes=(1, 24, 100),
        rounds=3,
        metrics=("Jobs/s", "requests a Job", "watches a Job", "client CPU ms a Job"),
        contenders=jobs.JOBS,
        measure=rates,
        engine="kubernetes",
    ),
    Scenario(
        name="job-end-to-result",
        title="From the event of a Job's end to its result",
        size="worker",
        rounds=1,
        metrics=PERCENTILES,
        contenders=jobs.JOBS,
        measure=end_to_result,
        engine="kubernetes",
    ),
)
