"""Jobs of the Kubernetes cluster that KUBECONFIG names."""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import yaml

from launchpad import Handle, KubernetesLauncher, Launcher, Run
from tests.helping import eventually
from tests.kubernetes.kubeconfigs import kubeconfig
from tests.kubernetes.proxy import Proxy

from .harness import MARK, Harness

IMAGE = "busybox:1"
NAMESPACE = "launchpad-conformance"


def quietly(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls the plain client, which warns at each request to a cluster with a self-signed certificate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **kwargs)


@functools.cache
def api() -> Any:
    """The two APIs of the plain client; creates the namespace of the suite if it is missing."""
    import kubernetes

    client = kubernetes.config.new_client_from_config()
    core, batch = kubernetes.client.CoreV1Api(client), kubernetes.client.BatchV1Api(client)
    try:
        quietly(core.create_namespace, {"metadata": {"name": NAMESPACE}})
    except kubernetes.client.ApiException as error:
        if error.status != 409:
            raise
    return core, batch


END_TIMEOUT = 120.0
"""Seconds within which a Job or pod that is being removed must be gone."""


class KubernetesHarness(Harness):
    name = "kubernetes"
    many = 4
    start_takes = 0.5
    stderr_apart = False
    cannot: ClassVar[Mapping[str, str]] = {
        "stdin": "a pod's input can only be sent by attaching to it after its start",
        "evict": "the kubelet overwrites the status of a pod, unless it is stopped (tests/kubernetes/test_faults.py)",
        "kill": "the API server has no call that kills a container, and a Job replaces a deleted pod",
    }
    long_line = "x"
    long_value = 4000

    def __init__(self, mark: str = "") -> None:
        super().__init__(mark)
        self._settings: dict[str, Any] = {}  # of all launchers that are made from now on

    @classmethod
    def unavailable(cls) -> str:
        return ""  # pytest_runtest_setup asks the engine, by the mark of these tests

    def launcher(self, **settings: Any) -> Launcher:
        api()
        usual = {"image": IMAGE, "namespace": NAMESPACE, "image_pull_policy": "IfNotPresent", "pod_watch_timeout": 300}
        return KubernetesLauncher(**{**usual, **self._settings, **settings})

    def leftovers(self) -> list[str]:
        """Jobs and pods that have not ended. Removes ended Jobs, which stay on the cluster without a time to live."""
        left = eventually(lambda: [*self._jobs(), *self._pods()], lambda left: not left, END_TIMEOUT, interval=0.1)
        for job in self._jobs():
            quietly(api()[1].delete_namespaced_job, job, NAMESPACE, propagation_policy="Background")
        return left

    def running(self) -> list[str]:
        return self._pods()

    @contextmanager
    def breakable_events(self) -> Iterator[Callable[[], None]]:
        configuration = api()[0].api_client.configuration
        proxy = Proxy(configuration.host)
        token = next(iter(configuration.api_key.values())).split()[-1]  # under a key that depends on the version
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kubeconfig"
            file.write_text(yaml.safe_dump(kubeconfig(proxy.url, token, NAMESPACE)))
            self._settings = {"kubeconfig": file}
            try:
                yield lambda: proxy.break_off("watch=true", 2)
            finally:
                self._settings = {}
                proxy.down()

    def remove(self, handle: Handle) -> None:
        quietly(api()[1].delete_namespaced_job, handle.name, NAMESPACE, propagation_policy="Background")

    def unlaunchable(self) -> Run:
        run = self.run([])
        return attrs.evolve(run, env={**run.env, "a b": "no valid name of a variable"})

    def small_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(resources={"limits": {"memory": "20Mi"}}, **settings)

    def python_launcher(self, **settings: Any) -> Launcher:
        return self.launcher(image="python:3.11", **settings)

    def previewed(self, text: str) -> Any:
        job = yaml.safe_load(text)
        del job["metadata"]["name"]
        return {key: job[key] for key in ("metadata", "spec")}

    def sent(self, handle: Handle) -> Any:
        job = quietly(api()[1].read_namespaced_job, handle.name, NAMESPACE)
        sent: Any = api()[0].api_client.sanitize_for_serialization(job)
        return sent

    def _jobs(self) -> list[str]:
        going = []
        for job in quietly(api()[1].list_namespaced_job, NAMESPACE, label_selector=f"{MARK}={self.mark}").items:
            if job.metadata.deletion_timestamp is None and any(
                one.type in ("Complete", "Failed") and one.status == "True" for one in job.status.conditions or ()
            ):
                quietly(api()[1].delete_namespaced_job, job.metadata.name, NAMESPACE, propagation_policy="Background")
            else:
                going.append(job.metadata.name)
        return going

    def _pods(self) -> list[str]:
        """Those that have not ended."""
        pods = quietly(api()[0].list_namespaced_pod, NAMESPACE, label_selector=f"{MARK}={self.mark}").items
        return [pod.metadata.name for pod in pods if pod.status.phase not in ("Succeeded", "Failed")]


HARNESSES = [KubernetesHarness]
