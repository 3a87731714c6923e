"""Jobs of a Kubernetes cluster, in a namespace of their own. No contender reads output or removes its Jobs."""

from __future__ import annotations

import os
import shlex
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from launchpad import KubernetesLauncher

from . import Command, Launch, check, feed, in_threads, launchpads

IMAGE = "busybox:1"
NAMESPACE = f"launchpad-benchmark-{os.getpid()}"
"""The namespace of this measurement."""

LABEL = "launchpad-benchmark"


def launchpad(workers: int) -> AbstractContextManager[Launch]:
    return launchpads.launchpad(launcher(), workers)


def launcher() -> KubernetesLauncher:
    return KubernetesLauncher(image=IMAGE, namespace=NAMESPACE, stream_output=False, grace=1, pod_watch_timeout=600)


class Client:
    """The kubernetes package's own client, with a connection for each worker."""

    def __init__(self, workers: int) -> None:
        import kubernetes

        warnings.simplefilter("ignore")  # about a self-signed certificate
        configuration = kubernetes.client.Configuration()
        kubernetes.config.load_kube_config(client_configuration=configuration)
        configuration.connection_pool_maxsize = 2 * workers + 2
        self.core = kubernetes.client.CoreV1Api(kubernetes.client.ApiClient(configuration))
        self.batch = kubernetes.client.BatchV1Api(self.core.api_client)

    def close(self) -> None:
        self.core.api_client.close()

    def create(self, name: str, mark: str, command: Command) -> None:
        container = {"name": "job", "image": IMAGE, "args": list(command)}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
        spec = {"backoffLimit": 0, "template": {"metadata": {"labels": {LABEL: mark}}, "spec": pod}}
        self.batch.create_namespaced_job(NAMESPACE, {"metadata": {"name": name, "labels": {LABEL: mark}}, "spec": spec})

    def jobs(self, **selector: str) -> Iterator[tuple[str, Any]]:
        """A watch of Jobs: the type of each event, and its Job."""
        return _watched(self.batch.list_namespaced_job, selector)

    def pods(self, **selector: str) -> Iterator[tuple[str, Any]]:
        """A watch of pods: the type of each event, and its pod."""
        return _watched(self.core.list_namespaced_pod, selector)

    def wait_started(self, name: str) -> None:
        """Blocks until the Job's pod has started, with a watch for this Job alone."""
        for _kind, pod in self.pods(label_selector=f"job-name={name}"):
            if pod.status.phase != "Pending":
                return

    def wait_ended(self, name: str) -> int:
        """Blocks until the Job has ended or is deleted, with a watch for this Job alone; 0 if it succeeded."""
        for kind, job in self.jobs(field_selector=f"metadata.name={name}"):
            if job.status.conditions:
                return _status(job)
            if kind == "DELETED":
                return 1
        raise RuntimeError(f"the watch of {name} ended")

    def delete(self, name: str) -> None:
        self.batch.delete_namespaced_job(name, NAMESPACE, propagation_policy="Foreground")

    def wait_running(self, count: int) -> None:
        """Blocks until `count` pods run. Counts them in the text of the response, without parsing it."""
        running = "status.phase=Running"
        while True:
            response = self.core.list_namespaced_pod(NAMESPACE, field_selector=running, _preload_content=False)
            if response.data.count(b'"phase":"Running"') >= count:
                return
            time.sleep(0.2)

    def wait_no_jobs(self) -> None:
        """Blocks until no Job is being deleted; each is deleted after its pods."""
        while any(job.metadata.deletion_timestamp for job in self.batch.list_namespaced_job(NAMESPACE).items):
            time.sleep(0.1)

    @contextmanager
    def namespace(self) -> Iterator[None]:
        """Creates the namespace, and removes it with its contents after the block."""
        self.core.create_namespace({"metadata": {"name": NAMESPACE}})
        while not self.core.list_namespaced_service_account(NAMESPACE).items:  # pods cannot be created without one
            time.sleep(0.1)
        try:
            yield
        finally:
            self.core.delete_namespace(NAMESPACE)

    def wait_gone(self) -> None:
        """Blocks until the namespace is removed, so that the next measurement finds the cluster idle."""
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
    """Creates Jobs in threads and follows all of them with one watch: the fastest code that one would write by hand."""

    def launch(commands: Sequence[Command]) -> None:
        mark = uuid.uuid4().hex[:8]
        names = [f"plain-{mark}-{number}" for number in range(len(commands))]
        created = [threads.submit(client.create, name, mark, c) for name, c in zip(names, commands, strict=True)]
        ended: dict[str, int] = {}
        for _kind, job in client.jobs(label_selector=f"{LABEL}={mark}"):
            if job.status.conditions:
                ended[job.metadata.name] = _status(job)
            if len(ended) == len(commands):
                break
        check([future.result() for future in created] + list(ended.values()))

    client = Client(workers)
    with ThreadPoolExecutor(workers) as threads:
        yield launch
    client.close()


@contextmanager
def watches_each(workers: int) -> Iterator[Launch]:
    """A thread for each Job, with a watch for its pod and one for the Job: the code that is commonly written."""

    def run(command: Command) -> int:
        name = new_name("each")
        client.create(name, "each", command)
        client.wait_started(name)
        return client.wait_ended(name)

    client = Client(workers)
    with in_threads(workers, run) as launch:
        yield launch
    client.close()


@contextmanager
def kubectl(workers: int) -> Iterator[Launch]:
    """`kubectl create job` and `kubectl wait` for each."""
    create = f"kubectl -n {NAMESPACE} create job $0 --image={IMAGE} --"
    wait = f"kubectl -n {NAMESPACE} wait --for=condition=complete --timeout=600s job/$0"

    def launch(commands: Sequence[Command]) -> None:
        script = f"{create} {shlex.join(commands[0])} && {wait}"
        tool = ["xargs", "-P", str(workers), "-n", "1", "sh", "-c", script]
        feed(tool, ([new_name("kubectl")] for _ in commands))

    yield launch


JOBS = {
    "plain client, one watch": one_watch,
    "launchpad": launchpad,
    "plain client, watches each": watches_each,
    "kubectl by xargs": kubectl,
}
