"""Where the cluster is and which credentials to use. The only module that imports the package `kubernetes`."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.config import ConfigException

from ..errors import EngineUnavailable, LaunchError

_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def find_cluster(kubeconfig: str | None, context: str | None) -> tuple[Callable[[], Any], str]:
    """Returns a function that reads the cluster's `Configuration`, and the namespace of its context.

    The cluster is that of `kubeconfig` and `context`; without both, in a pod, the pod's own; else that of KUBECONFIG or
    `~/.kube/config`. EngineUnavailable or LaunchError if there is none.
    """
    if kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        namespace = _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else ""
        return partial(_configuration, config.load_incluster_config), namespace or "default"
    file = kubeconfig or os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
    load = partial(config.load_kube_config, config_file=file, context=context, persist_config=False)
    return partial(_configuration, load), _context_namespace(file, context)


def _configuration(load: Callable[..., None]) -> Any:
    configuration = client.Configuration()
    try:
        load(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise EngineUnavailable(f"The cluster's address and credentials cannot be read: {error}") from error
    return configuration


def _context_namespace(file: str, context: str | None) -> str:
    try:
        contexts, current = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise EngineUnavailable(
            f"No Kubernetes cluster is configured ({error}): set KUBECONFIG, or the launcher's kubeconfig and context."
        ) from error
    found = next((one for one in contexts if one["name"] == context), None) if context else current
    if found is None:
        known = ", ".join(sorted(one["name"] for one in contexts))
        raise LaunchError(f"There is no context {context!r} in {file}; there are: {known}.")
    return str((found.get("context") or {}).get("namespace") or "default")
