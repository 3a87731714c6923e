"""Jobs of a Kubernetes cluster: the one that KUBECONFIG names."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from typing import Any

from launchpad import KubernetesLauncher, Launcher

from .harness import MARK, Harness

IMAGE = "busybox:1"
NAMESPACE = "launchpad-conformance"


def quietly(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls the plain client, which warns at each request of a cluster whose certificate is its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **kwargs)


@functools.cache
def api() -> Any:
    """The plain client's two APIs, on a namespace that is made where there is none."""
    import kubernetes

    client = kubernetes.config.new_client_from_config()
    core, batch = kubernetes.client.CoreV1Api(client), kubernetes.client.BatchV1Api(client)
    try:
        quietly(core.create_namespace, {"metadata": {"name": NAMESPACE}})
    except kubernetes.client.ApiException as error:
        if error.status != 409:
            raise
    return core, batch


class KubernetesHarness(Harness):
    name = "kubernetes"
    many = 4
    start_takes = 0.5
    stderr_apart = False
    long_line = "x"

    @classmethod
    def unavailable(cls) -> str:
        return ""  # the mark of these tests asks

    def launcher(self, **settings: Any) -> Launcher:
        api()
        return KubernetesLauncher(image=IMAGE, namespace=NAMESPACE, image_pull_policy="IfNotPresent", **settings)

    def leftovers(self) -> list[str]:
        """Jobs that have ended stay, as they should without a time to live: they are removed here, and no leftovers."""
        until = time.monotonic() + 30
        while (left := [*self._jobs(), *self._pods()]) and time.monotonic() < until:
            time.sleep(0.1)
        for job in self._jobs():
            quietly(api()[1].delete_namespaced_job, job, NAMESPACE, propagation_policy="Background")
        return left

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
        """Those that still run."""
        pods = quietly(api()[0].list_namespaced_pod, NAMESPACE, label_selector=f"{MARK}={self.mark}").items
        return [pod.metadata.name for pod in pods if pod.status.phase not in ("Succeeded", "Failed")]


HARNESSES = [KubernetesHarness]
