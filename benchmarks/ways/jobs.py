"""Jobs of a Kubernetes cluster, in a namespace for them; none reads output, and the Jobs are left."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from launchpad import KubernetesLauncher

from . import Command, Launch, check, ours

IMAGE = "busybox:1"
NAMESPACE = f"launchpad-benchmark-{os.getpid()}"
"""Of this measurement alone."""

LABEL = "launchpad-benchmark"


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return ours.launchpad(launcher(), workers)


def launcher() -> KubernetesLauncher:
    return KubernetesLauncher(image=IMAGE, namespace=NAMESPACE, stream_output=False, grace=1, pod_watch_timeout=600)


class Plain:
    """The kubernetes package's own client, with a connection for each worker."""

    def __init__(self, workers: int) -> None:
        from kubernetes import client, config

        warnings.simplefilter("ignore")  # of a cluster whose certificate is its own
        configuration = client.Configuration()
        config.load_kube_config(client_configuration=configuration)
        configuration.connection_pool_maxsize = 2 * workers + 2
        self.core = client.CoreV1Api(client.ApiClient(configuration))
        self.batch = client.BatchV1Api(self.core.api_client)

    def close(self) -> None:
        self.core.api_client.close()

    def create(self, name: str, mark: str, command: Command) -> None:
        container = {"name": "job", "image": IMAGE, "args": list(command)}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
        spec = {"backoffLimit": 0, "template": {"metadata": {"labels": {LABEL: mark}}, "spec": pod}}
        self.batch.create_namespaced_job(NAMESPACE, {"metadata": {"name": name, "labels": {LABEL: mark}}, "spec": spec})

    def jobs(self, **selector: str) -> Iterator[tuple[str, Any]]:
        """What a watch of Jobs tells of: kinds of events, and Jobs."""
        return _watched(self.batch.list_namespaced_job, selector)

    def pods(self, **selector: str) -> Iterator[tuple[str, Any]]:
        return _watched(self.core.list_namespaced_pod, selector)

    def wait_started(self, name: str) -> None:
        """Blocks until the Job's pod is there and past its start, by a watch of its own."""
        for _kind, pod in self.pods(label_selector=f"job-name={name}"):
            if pod.status.phase != "Pending":
                return

    def wait_ended(self, name: str) -> int:
        """Blocks until the Job has ended or is gone, by a watch of its own; 0 if it succeeded."""
        for kind, job in self.jobs(field_selector=f"metadata.name={name}"):
            if job.status.conditions:
                return _status(job)
            if kind == "DELETED":
                return 1
        raise RuntimeError(f"the watch of {name} ended")

    def delete(self, name: str) -> None:
        self.batch.delete_namespaced_job(name, NAMESPACE, propagation_policy="Foreground")

    def wait_running(self, count: int) -> None:
        """Blocks until that many pods run. They are counted in the answer's text: no objects are made of it."""
        running = "status.phase=Running"
        while True:
            answer = self.core.list_namespaced_pod(NAMESPACE, field_selector=running, _preload_content=False)
            if answer.data.count(b'"phase":"Running"') >= count:
                return
            time.sleep(0.2)

    def wait_no_jobs(self) -> None:
        """Blocks until no Job is being deleted any more: their pods have gone before them."""
        while any(job.metadata.deletion_timestamp for job in self.batch.list_namespaced_job(NAMESPACE).items):
            time.sleep(0.1)

    @contextmanager
    def namespace(self) -> Iterator[None]:
        """Makes the namespace, and removes it with all that is in it."""
        self.core.create_namespace({"metadata": {"name": NAMESPACE}})
        while not self.core.list_namespaced_service_account(NAMESPACE).items:  # without one, there are no pods
            time.sleep(0.1)
        try:
            yield
        finally:
            self.core.delete_namespace(NAMESPACE)

    def wait_gone(self) -> None:
        """Blocks until the cluster has done with what the namespace held: the next measurement finds it quiet."""
        own = f"metadata.name={NAMESPACE}"
        while self.core.list_namespace(field_selector=own).items:
            time.sleep(0.5)


def _watched(method: Any, selector: dict[str, str]) -> Iterator[tuple[str, Any]]:
    from kubernetes import watch

    for event in watch.Watch().stream(method, NAMESPACE, **selector):
        yield event["type"], event["object"]


def new_name(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def _status(job: Any) -> int:
    return int(job.status.conditions[-1].type != "Complete")


@contextmanager
def one_watch(workers: int) -> Iterator[Launch]:
    """Creates by threads, and follows all Jobs by one watch: the best that one would write."""

    def launch(commands: Sequence[Command]) -> None:
        mark = uuid.uuid4().hex[:8]
        names = [f"plain-{mark}-{number}" for number in range(len(commands))]
        created = [threads.submit(plain.create, *job) for job in zip(names, [mark] * len(names), commands, strict=True)]
        ended: dict[str, int] = {}
        for _kind, job in plain.jobs(label_selector=f"{LABEL}={mark}"):
            if job.status.conditions:
                ended[job.metadata.name] = _status(job)
            if len(ended) == len(commands):
                break
        check([future.result() for future in created] + list(ended.values()))

    plain = Plain(workers)
    with ThreadPoolExecutor(workers) as threads:
        yield launch
    plain.close()


@contextmanager
def watches_each(workers: int) -> Iterator[Launch]:
    """A thread for each Job, with a watch for its pod and one for itself: as it is commonly written."""

    def one(command: Command) -> int:
        name = new_name("each")
        plain.create(name, "each", command)
        plain.wait_started(name)
        return plain.wait_ended(name)

    plain = Plain(workers)
    with ThreadPoolExecutor(workers) as threads:
        yield lambda commands: check(threads.map(one, commands))
    plain.close()


@contextmanager
def kubectl(workers: int) -> Iterator[Launch]:
    """`kubectl create job` and `kubectl wait` for each."""
    create = f"kubectl -n {NAMESPACE} create job $0 --image={IMAGE} --"
    wait = f"kubectl -n {NAMESPACE} wait --for=condition=complete --timeout=600s job/$0"

    def launch(commands: Sequence[Command]) -> None:
        script = f"{create} {shlex.join(commands[0])} && {wait}"
        names = "".join(f"{new_name('kubectl')}\n" for _ in commands)
        tool = ["xargs", "-P", str(workers), "-n", "1", "sh", "-c", script]
        subprocess.run(tool, input=names, text=True, capture_output=True, check=True)

    yield launch
