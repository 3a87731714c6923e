"""Many Jobs in flight that end together, on an API server without a cluster, whose watch of pods may be late."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metrics import resident_memory, seconds_of, threads

from launchpad import KubernetesLauncher, LaunchExecutor, Run

from .scenario import Measured, Scenario

SERVER = Path(__file__).parent.parent / "cluster_script.py"

LATE = {"launchpad": 0.0, "launchpad, pods 3 s late": 3.0, "launchpad, pods 10 s late": 10.0}
"""How late the watch of pods reports each change, in seconds."""


@contextmanager
def api_server(late: float) -> Iterator[str]:
    """The address of a server of its own."""
    with subprocess.Popen([sys.executable, str(SERVER), str(late), "0"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


@contextmanager
def kubeconfig(server: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
            "current-context": "x",
        }
        path = Path(folder) / "kubeconfig"
        path.write_text(json.dumps(content))
        yield path


def fly(late: float, size: int, quick: bool) -> Measured:
    """`MB` is the growth of the process's resident memory, from before the first Job."""
    with api_server(late) as server, kubeconfig(server) as file:
        launcher = KubernetesLauncher(image="x", kubeconfig=file, stream_output=False, pod_watch_timeout=600)
        with launcher, LaunchExecutor(launcher, size) as executor:
            before = resident_memory()
            futures = executor.launch_all(Run(command=["true"], name=f"many {number}") for number in range(size))
            for future in futures:
                future.wait_started()
            held = {"MB": (resident_memory() - before) / 1e6, "threads": threads()}

            def end() -> None:
                ask(server, "end")
                assert all(future.result() for future in futures)

            seconds = seconds_of(end)
        counts = ask(server, "counts")
    per_job = {f"{kind} a Job": counts[kind] / size for kind in ("requests", "watches")}
    return {**per_job, **held, "s to the last result": seconds}


def ask(server: str, what: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{server}/measure/{what}", timeout=60) as response:
        counts: dict[str, int] = json.load(response)
        return counts


SCENARIOS = (
    Scenario(
        name="many-jobs",
        title="Jobs in flight that end together, on an API server without a cluster",
        size="Jobs",
        sizes=(100, 200, 1000),
        quick_sizes=(5,),
        rounds=1,
        metrics=("requests a Job", "watches a Job", "MB", "threads", "s to the last result"),
        contenders=LATE,
        measure=fly,
    ),
)
