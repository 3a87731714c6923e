"""What a contender needs that may not be there, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

BENCH = "pip install 'launchpad[bench]'"

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
    "docker run by xargs": ("docker", "docker-cli"),
    "python-on-whales": ("docker", "docker-cli"),
    "kubectl by xargs": ("kubectl", "kubernetes-client"),
}
"""Programs, and Debian's packages of them."""

ENGINES = {
    "docker": "start a Docker Engine, or name it in DOCKER_HOST",
    "kubernetes": "name a cluster that is there for benchmarks in KUBECONFIG",
}


def missing(contender: str) -> str:
    """Why a contender cannot be measured here; empty if it can."""
    package = PACKAGES.get(contender)
    if package is not None and importlib.util.find_spec(package) is None:
        return f"not installed: {BENCH}"
    program, debian = PROGRAMS.get(contender, (sys.executable, ""))
    return "" if shutil.which(program) else f"no program {program}: apt-get install {debian}"


def engine_version(engine: str) -> str:
    """The version of an engine that answers and has the image for benchmarks; raises for any other."""
    return _docker_version() if engine == "docker" else _kubernetes_version()


def _docker_version() -> str:
    from ways import containers

    from launchpad import Run

    with containers.launcher(auto_remove=True) as launcher:
        assert launcher.submit(Run(command=["true"]))  # pulls the image where it is not there
    client = containers.connect(1)
    try:
        return f"Docker Engine {client.version()['Version']}"
    finally:
        client.close()


def _kubernetes_version() -> str:
    from kubernetes import client
    from ways import jobs

    if "KUBECONFIG" not in os.environ:
        raise LookupError("KUBECONFIG is not set, and nobody's usual cluster is taken")
    plain = jobs.Plain(1)
    try:
        return f"Kubernetes {client.VersionApi(plain.core.api_client).get_code(_request_timeout=10).git_version}"
    finally:
        plain.close()
