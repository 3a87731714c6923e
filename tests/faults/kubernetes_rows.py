"""The rows of Kubernetes Jobs."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import Any

import docker

from tests.kubernetes.cluster import engine
from tests.kubernetes.disruptions import Disturb, delete_job, delete_pod, evict_pod, force_pod_away

from .causes import (
    HOUR,
    Fault,
    cut,
    freeze_launcher,
    jump,
    nothing,
    refuse,
    signal_launcher,
    silence,
    slow_down,
    tell,
    while_blocked,
)
from .plan import Plan, counting
from .processes import frozen, the_process
from .row import STOPPED, TRUE_RESULT, Expect, Row
from .scene import Scene

USUAL = counting()
STOPS = Plan(script=counting(1000), stop_on_sigterm=True)
EXHAUST = "x=a; while :; do x=$x$x; done"
NO_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
ENDS_WELL = "trap 'exit 0' TERM; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"
"""A run that exits with status 0 when it gets SIGTERM."""

MARKED = Expect(lines="marked")
VANISHED = Expect(("VANISHED",), (), "beginning")
EVICTED = Expect(("EVICTED", "VANISHED"), (), "beginning")  # servers before 1.22 do not report an eviction


def each(disturb: Disturb) -> Fault:
    """Disturbs every run."""

    def cause(scene: Scene) -> None:
        for handle in scene.handles:
            disturb(scene.cluster, handle)

    return cause


def containers(scene: Scene, engine: Any) -> list[str]:
    """The containers of the runs on the node, which is this machine."""
    pods = [pod["metadata"]["uid"] for handle in scene.handles for pod in scene.cluster.pods_of(handle.name)]
    labels = [{"label": [f"io.kubernetes.pod.uid={pod}", "io.kubernetes.container.name=job"]} for pod in pods]
    return [found["Id"] for label in labels for found in engine.containers(filters=label)]


def on_the_node(act: str, again: str = "") -> Fault:
    """Does something to the container of every run by the node's engine, and something else 3 s later."""

    def cause(scene: Scene) -> None:
        with closing(docker.APIClient(version="auto", **docker.utils.kwargs_from_env())) as engine:
            found = containers(scene, engine)
            assert len(found) == len(scene.handles)
            for container in found:
                getattr(engine, act)(container)
            if again:
                scene.wait(3)
                for container in found:
                    getattr(engine, again)(container)

    return cause


def without(part: str, seconds: float) -> Fault:
    """Stops a part of the cluster for a while."""

    def cause(scene: Scene) -> None:
        engine("stop", part)
        try:
            scene.wait(seconds)
        finally:
            engine("start", part)

    return cause


def frozen_part(name: str, seconds: float) -> Fault:
    """Freezes the process of a part of the cluster for a while."""

    def cause(scene: Scene) -> None:
        with frozen(the_process(name)):
            scene.wait(seconds)

    return cause


def row(kind: str, when: str, fault: Fault, expect: Expect = TRUE_RESULT, **fields: Any) -> Row:
    if expect.lines in ("all", "marked"):
        fields.setdefault("plan", Plan(script=counting(100)))  # pods start one after the other
    fields.setdefault("limit", 180.0)
    return Row(kind=kind, when=when, engine="Kubernetes", fault=fault, expect=expect, **fields)


def alone(kind: str, when: str, fault: Fault, expect: Expect = TRUE_RESULT, **fields: Any) -> Row:
    return row(kind, when, fault, expect, alone=True, **fields)


KILLS = [
    row("Kills", "The container is killed on its node", on_the_node("kill"), Expect(("FAILED",), (137,), "beginning")),
    alone("Kills", "The kubelet is stopped for 8 s", without("kubelet", 8), MARKED),
    alone("Kills", "The API server is stopped for 8 s", without("apiserver", 8), MARKED),
    alone("Kills", "The controller manager is stopped for 8 s", without("controller-manager", 8)),
    row("Kills", "The launching process gets Ctrl-C", signal_launcher(signal.SIGINT), STOPPED),
    row("Kills", "SIGTERM, inside ``stop_on_sigterm``", signal_launcher(signal.SIGTERM), STOPPED, plan=STOPS),
    row("Kills", "The launching process gets SIGTERM", signal_launcher(signal.SIGTERM), adopted=True),
    row("Kills", "The launching process gets SIGHUP", signal_launcher(signal.SIGHUP), adopted=True),
    row("Kills", "The launching process gets SIGKILL", signal_launcher(signal.SIGKILL), adopted=True),
]

CUTS = [
    row("Cuts", "The watches are cut three times", cut("watch=true"), through=True, quick=True),
    row("Cuts", "The logs are cut three times", cut(r"/log\?"), through=True),
    row("Cuts", "The watches are closed by the server", cut("watch=true", "half_close"), through=True),
    row("Cuts", "The logs are closed by the server", cut(r"/log\?", "half_close"), through=True),
    row("Cuts", "The watches are reset three times", cut("watch=true", "reset"), through=True),
    row("Cuts", "The logs are reset three times", cut(r"/log\?", "reset"), through=True),
    row("Cuts", "The watches deliver nothing for 5 s", silence("watch=true"), through=True),
    row("Cuts", "The logs deliver nothing for 5 s", silence(r"/log\?"), through=True),
    row("Cuts", "The connection is slow (200 bytes every 50 ms)", slow_down, through=True),
    row("Cuts", "The server refuses connections for 5 s", refuse(5), through=True),
    row(
        "Cuts",
        "The run is cancelled while the server refuses connections",
        refuse(5, tell("cancel")),
        STOPPED,
        through=True,
    ),
    row("Cuts", "The server refuses connections for 90 s", refuse(90), through=True),
    row(
        "Cuts",
        "The server refuses connections for 90 s while pods are created",
        refuse(90),
        through=True,
        until=None,
    ),
]

FREEZES = [
    row("Freezes", "The container is paused on its node for 3 s", on_the_node("pause", "unpause")),
    row("Freezes", "The launching process is frozen for 5 s, and runs end meanwhile", freeze_launcher),
    row("Freezes", "No packet arrives for 5 s, and runs end meanwhile", silence(""), through=True),
    alone("Freezes", "The API server is frozen for 8 s", frozen_part("kube-apiserver", 8)),
    alone("Freezes", "The kubelet is frozen for 8 s", frozen_part("kubelet", 8)),
    row(
        "Freezes",
        "``on_output`` blocks, and the run is cancelled",
        while_blocked(tell("cancel"), 20),
        Expect(("STOPPED",), (), "first"),
        plan=Plan(script=counting(1000), output="blocked"),
        until=None,
    ),
]

CLOCKS = [
    row("Clocks", "The wall clock jumps an hour forward", jump(HOUR), clock=True),
    row("Clocks", "The wall clock jumps an hour back", jump(-HOUR), clock=True),
]

SHORTAGES = [
    row(
        "Shortages",
        "20 runs with 32 descriptors (``ulimit -n``)",
        nothing,
        Expect(lines="marked", errors=("LaunchError: ulimit -n", "EngineUnavailable: ulimit -n")),
        plan=Plan(script=counting(20), count=20, prelude=NO_FILES.replace("64", "32")),
        until=None,
        limit=240,
    ),
    row(
        "Shortages",
        "The run exceeds its memory limit",
        nothing,
        Expect(("OOM_KILLED", "FAILED"), (137,), "unknown", said="memory"),  # a busy node may not notice the cause
        plan=Plan(script=EXHAUST),
        settings={"resources": {"limits": {"memory": "20Mi"}}},
        until=None,
    ),
]

INTERFERENCE = [
    row("Others interfere", "The pod is deleted", each(delete_pod), VANISHED, plan=Plan(script=ENDS_WELL)),
    row("Others interfere", "The pod's object is forced away", each(force_pod_away), VANISHED),
    row("Others interfere", "The pod is evicted", each(evict_pod), EVICTED, plan=Plan(script=ENDS_WELL)),
    *(
        row(
            "Others interfere",
            f"The Job is deleted ({policy})",
            each(delete_job(policy)),
            VANISHED,
            plan=Plan(script=ENDS_WELL),
        )
        for policy in ("Background", "Foreground", "Orphan")
    ),
]

ROWS = [*KILLS, *CUTS, *FREEZES, *CLOCKS, *SHORTAGES, *INTERFERENCE]
