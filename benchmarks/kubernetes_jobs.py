"""Quick Jobs, all at once, against hand-written loops over the plain client; and how late a result is.

    python benchmarks/kubernetes_jobs.py [ROUNDS] [JOBS]

Needs a cluster (KUBECONFIG) that may be used for it, with the image busybox:1. Prints seconds, and milliseconds from
the moment that a watch of its own saw a Job end until its future had the result.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kubernetes import client, config, watch
from measure import interleaved, percentile

from launchpad import KubernetesLauncher, LaunchExecutor, Run

NAMESPACE = "launchpad-benchmark"
LABEL = "launchpad-benchmark/round"
COMMAND = ["true"]


class Plain:
    """The plain client, as one would write a loop with it."""

    def __init__(self) -> None:
        configuration = client.Configuration()
        config.load_kube_config(client_configuration=configuration)
        configuration.connection_pool_maxsize = 200
        self.core = client.CoreV1Api(client.ApiClient(configuration))
        self.batch = client.BatchV1Api(self.core.api_client)
        try:
            self.core.create_namespace({"metadata": {"name": NAMESPACE}})
        except client.ApiException as error:
            if error.status != 409:
                raise

    def create(self, name: str, mark: str) -> None:
        container = {"name": "job", "image": "busybox:1", "args": COMMAND}
        pod = {"restartPolicy": "Never", "containers": [container]}
        spec = {"backoffLimit": 0, "template": {"metadata": {"labels": {LABEL: mark}}, "spec": pod}}
        job = {"metadata": {"name": name, "labels": {LABEL: mark}}, "spec": spec}
        self.batch.create_namespaced_job(NAMESPACE, job)

    def with_one_watch(self, count: int) -> None:
        """Creates by threads, and one watch for all: the best that one would write."""
        mark = uuid.uuid4().hex[:8]
        with ThreadPoolExecutor(count) as threads:
            created = [threads.submit(self.create, f"plain-{mark}-{n}", mark) for n in range(count)]
            self._until_ended(f"{LABEL}={mark}", count)
            assert not any(future.exception() for future in created)

    def with_a_watch_each(self, count: int) -> None:
        """A thread, and a watch of its own, for each Job: as it is commonly written."""
        mark = uuid.uuid4().hex[:8]

        def one(number: int) -> None:
            name = f"each-{mark}-{number}"
            self.create(name, mark)
            self._pod_started(name)
            for event in watch.Watch().stream(
                self.batch.list_namespaced_job, NAMESPACE, field_selector=f"metadata.name={name}"
            ):
                if event["object"].status.conditions:
                    return

        with ThreadPoolExecutor(count) as threads:
            list(threads.map(one, range(count)))

    def _pod_started(self, job: str) -> None:
        pods = self.core.list_namespaced_pod
        for event in watch.Watch().stream(pods, NAMESPACE, label_selector=f"job-name={job}"):
            if event["object"].status.phase != "Pending":
                return

    def _until_ended(self, selector: str, count: int) -> None:
        ended: set[str] = set()
        for event in watch.Watch().stream(self.batch.list_namespaced_job, NAMESPACE, label_selector=selector):
            if event["object"].status.conditions:
                ended.add(event["object"].metadata.name)
                if len(ended) == count:
                    return

    def clear(self) -> None:
        self.batch.delete_collection_namespaced_job(NAMESPACE, propagation_policy="Background")
        while self.core.list_namespaced_pod(NAMESPACE).items:
            time.sleep(0.5)


class Onlooker:
    """Notes when each Job's end came from the API server, by a connection and a thread of its own."""

    def __init__(self, plain: Plain) -> None:
        self.ended: dict[str, float] = {}
        self._plain = plain
        self._watch = watch.Watch()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        answer = self._plain.batch.list_namespaced_job(
            NAMESPACE, label_selector="launchpad.io/run-id", watch=True, _preload_content=False
        )
        for line in (line for piece in answer.stream() for line in piece.splitlines() if line):
            try:
                job: dict[str, Any] = json.loads(line)["object"]
            except ValueError:  # cut by the piece's end: that Job is not counted
                continue
            if job["status"].get("conditions"):
                self.ended.setdefault(job["metadata"]["name"], time.monotonic())


def launch(count: int, late: list[float], onlooker: Onlooker) -> None:
    settled: dict[str, float] = {}
    launcher = KubernetesLauncher(image="busybox:1", namespace=NAMESPACE, stream_output=False, pod_watch_timeout=600)
    with launcher, LaunchExecutor(launcher, count) as executor:
        futures = [executor.submit(Run(command=COMMAND, name="ours")) for _ in range(count)]
        for future in futures:
            future.add_done_callback(lambda done: settled.setdefault(done.handle.name, time.monotonic()))
        assert all(future.result() for future in futures)
    late += [1000 * (at - onlooker.ended[name]) for name, at in settled.items() if name in onlooker.ended]


def main(rounds: int, count: int) -> None:
    warnings.simplefilter("ignore")  # of a cluster whose certificate is its own
    plain, late = Plain(), []
    onlooker = Onlooker(plain)

    def timed(work: Any, *args: Any) -> float:
        plain.clear()
        began = time.perf_counter()
        work(count, *args)
        return time.perf_counter() - began

    results = interleaved(
        {
            "plain client, one watch": lambda: timed(plain.with_one_watch),
            "launchpad": lambda: timed(launch, late, onlooker),
            "plain client, watches per Job": lambda: timed(plain.with_a_watch_each),
        },
        rounds,
    )
    plain.clear()
    print(f"{count} quick Jobs at once, seconds; in parentheses: to the first")
    base = results["plain client, one watch"]
    for name, values in results.items():
        ratio = statistics.median(value / other for value, other in zip(values, base, strict=True))
        print(f"  {name:<32}{statistics.median(values):7.1f}  ({ratio:.2f})  {[round(value, 1) for value in values]}")
    early = sum(value < 0 for value in late)
    print(
        f"from the server's event to the result, ms, of {len(late)} ({early} were there before the onlooker's event):"
    )
    print(f"  median {percentile(late, 50):.1f}   p99 {percentile(late, 99):.1f}   longest {max(late):.1f}")


if __name__ == "__main__":
    main(*(int(word) for word in [*sys.argv[1:], *["3", "24"][len(sys.argv) - 1 :]]))
