"""The packages, programs and engines that contenders need, and how to get them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

BENCH = "pip install 'launchpad-runs[bench]'"

PACKAGES = {
    "joblib": "joblib",
    "PSI/J": "psij",
    "parsl": "parsl",
    "submitit": "submitit",
    "python-on-whales": "python_on_whales",
}

PROGRAMS = {
    "xargs": ("xargs", "findutils"),
    "GNU parallel": ("parallel", "parallel"),
    "GNU parallel, --joblog": ("parallel", "parallel"),
    "docker run by xargs": ("docker", "docker-cli"),
    "python-on-whales": ("docker", "docker-cli"),
    "kubectl by xargs": ("kubectl", "kubernetes-client"),
}
"""Programs, and the Debian packages that have them."""

ENGINES = {
    "docker": "start a Docker Engine, or name it in DOCKER_HOST",
    "kubernetes": "name a cluster for benchmarks in KUBECONFIG",
}
"""Engines, and how to provide them."""


def missing(contender: str) -> str:
    """Why a contender cannot be measured here; empty if it can."""
    package = PACKAGES.get(contender)
    if package is not None and importlib.util.find_spec(package) is None:
        return f"not installed: {BENCH}"
    program, debian = PROGRAMS.get(contender, (sys.executable, ""))
    return "" if shutil.which(program) else f"no program {program}: apt-get install {debian}"


def engine_version(engine: str) -> str:
    """The version of an engine. Raises if it does not answer or cannot run the image for benchmarks."""
    return _docker_version() if engine == "docker" else _kubernetes_version()


def _docker_version() -> str:
    from contenders import containers

    from launchpad import Run

    with containers.launcher(auto_remove=True) as launcher:
        assert launcher.submit(Run(command=["true"]))  # pulls the image if it is missing
    client = containers.connect(1)
    try:
        return f"Docker Engine {client.version()['Version']}"
    finally:
        client.close()


def _kubernetes_version() -> str:
    import kubernetes
    from contenders import jobs

    if "KUBECONFIG" not in os.environ:
        raise LookupError("KUBECONFIG is not set: benchmarks do not use the default cluster")
    client = jobs.Client(1)
    try:
        version = kubernetes.client.VersionApi(client.core.api_client).get_code(_request_timeout=10)
        return f"Kubernetes {version.git_version}"
    finally:
        client.close()
