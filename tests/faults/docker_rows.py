"""The rows of Docker containers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import docker
import psutil

from .causes import (
    HOUR,
    LONG_ENOUGH,
    Fault,
    cut,
    first,
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
from .processes import frozen, is_marked, send_checked
from .row import STOPPED, TIMED_OUT, TRUE_RESULT, Expect, Row
from .scene import Scene

Act = Callable[[Any, str], object]
"""Something that is done to one container, with docker-py's plain client."""

STOPS = Plan(script=counting(1000), stop_on_sigterm=True)
SILENT = Plan(script="trap 'exit 5' TERM; echo line 0; sleep 1000 & wait")
EXHAUST = "x=a; while :; do x=$x$x; done"
NO_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"

MARKED = Expect(lines="marked")
FAILED_137 = Expect(("FAILED",), (137,), "beginning")
VANISHED = Expect(("VANISHED",), (), "beginning")
RESTARTED = Expect(("VANISHED",), (), "unknown")  # the program may write its first lines again before it is stopped


def client() -> Any:
    return closing(docker.APIClient(version="auto", timeout=60, **docker.utils.kwargs_from_env()))


def each(*acts: Act, pause: float = 3.0) -> Fault:
    """Does something to the container of every run, with a pause between two acts."""

    def cause(scene: Scene) -> None:
        with client() as engine:
            for again, act in enumerate(acts):
                if again:
                    scene.wait(pause)
                for handle in scene.handles:
                    act(engine, handle.id)

    return cause


def pause(engine: Any, container: str) -> None:
    """Pauses a container. An engine under load does not always succeed at once."""
    with suppress(docker.errors.APIError):
        engine.pause(container)
    if not engine.inspect_container(container)["State"]["Paused"]:
        engine.pause(container)


def init_of(engine: Any, container: str) -> int:
    """The process of this machine that is process 1 of the container."""
    pid: int = engine.inspect_container(container)["State"]["Pid"]
    return pid


def kill_init(scene: Scene) -> None:
    with client() as engine:
        for handle in scene.handles:
            pid = init_of(engine, handle.id)
            send_checked(pid, signal.SIGKILL, lambda pid: is_marked(pid, scene.mark))


def kill_shim(scene: Scene) -> None:
    """Kills the process by which the engine manages a container."""
    with client() as engine:
        for handle in scene.handles:
            shim = psutil.Process(init_of(engine, handle.id)).parent()
            assert shim is not None
            send_checked(shim.pid, signal.SIGKILL, lambda pid, id=handle.id: is_shim(pid, id))


def is_shim(pid: int, container: str) -> bool:
    words = psutil.Process(pid).cmdline()
    return "containerd-shim" in words[0] and container in words


def restart_engine(scene: Scene) -> None:
    scene.engine.stop()
    scene.engine.up()


def kill_engine(scene: Scene) -> None:
    daemon = scene.engine.process()
    send_checked(daemon.pid, signal.SIGKILL, lambda pid: scene.engine.process().pid == pid)
    psutil.wait_procs([daemon], 20)
    scene.engine.up()


def freeze_engine(scene: Scene) -> None:
    with frozen(scene.engine.process()):
        scene.wait(LONG_ENOUGH)


def stop_by_others(scene: Scene) -> None:
    """Stops all containers at the same time."""

    def stop(container: str) -> None:
        with client() as engine:
            engine.stop(container, timeout=20)

    threads = [threading.Thread(target=stop, args=[handle.id]) for handle in scene.handles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


IMAGE, NETWORK = "launchpad-faults:1", "launchpad-faults"


def make_image(scene: Scene) -> None:
    """Makes an image of one more layer, which only the runs of this row use."""
    with client() as engine:
        container = engine.create_container("busybox:1", ["true"])["Id"]
        engine.commit(container, *IMAGE.split(":"))
        engine.remove_container(container)
    scene.stack.callback(remove_image, scene)


def remove_image(scene: Scene) -> None:
    with client() as engine, suppress(docker.errors.ImageNotFound):
        engine.remove_image(IMAGE, force=True)


def make_network(scene: Scene) -> None:
    with client() as engine:
        engine.create_network(NETWORK, check_duplicate=True)
    scene.stack.callback(remove_network, scene)


def remove_network(scene: Scene) -> None:
    """Disconnects the containers of the runs from their network, and removes it."""
    with client() as engine, suppress(docker.errors.NotFound):
        for handle in scene.handles:
            with suppress(docker.errors.APIError):
                engine.disconnect_container_from_network(handle.id, NETWORK, force=True)
        engine.remove_network(NETWORK)


def remove(engine: Any, container: str) -> None:
    try:
        engine.remove_container(container, force=True)
    except docker.errors.APIError as error:
        if error.status_code != 409:  # launchpad, which has seen that it was killed, removes it at the same time
            raise


def rename(engine: Any, container: str) -> None:
    engine.rename(container, f"renamed-{container[:12]}")


def row(kind: str, when: str, fault: Fault, expect: Expect = TRUE_RESULT, **fields: Any) -> Row:
    return Row(kind=kind, when=when, engine="Docker", fault=fault, expect=expect, **fields)


KILLS = [
    row("Kills", "The container gets ``docker kill``", each(lambda e, c: e.kill(c)), FAILED_137, quick=True),
    row("Kills", "Process 1 of the container gets SIGKILL from the host", kill_init, FAILED_137),
    row(
        "Kills",
        "The shim of the container gets SIGKILL",
        kill_shim,
        Expect(("FAILED", "VANISHED"), (), "beginning"),
        private=True,
    ),
    row("Kills", "The engine gets SIGKILL and is started again", kill_engine, MARKED, private=True),
    row("Kills", "The launching process gets Ctrl-C", signal_launcher(signal.SIGINT), STOPPED),
    row("Kills", "SIGTERM, inside ``stop_on_sigterm``", signal_launcher(signal.SIGTERM), STOPPED, plan=STOPS),
    row("Kills", "The launching process gets SIGTERM", signal_launcher(signal.SIGTERM), adopted=True),
    row("Kills", "The launching process gets SIGHUP", signal_launcher(signal.SIGHUP), adopted=True),
    row("Kills", "The launching process gets SIGKILL", signal_launcher(signal.SIGKILL), adopted=True),
]

CUTS = [
    row("Cuts", "The event stream is cut three times", cut("/events"), through=True, quick=True),
    row("Cuts", "The output streams are cut three times", cut("/attach|/logs"), through=True),
    row("Cuts", "The event stream is closed by the engine", cut("/events", "half_close"), through=True),
    row("Cuts", "The output streams are closed by the engine", cut("/attach|/logs", "half_close"), through=True),
    row("Cuts", "The event stream delivers nothing for 5 s", silence("/events"), through=True),
    row("Cuts", "The output streams deliver nothing for 5 s", silence("/attach|/logs"), through=True),
    row("Cuts", "The connection is slow (200 bytes every 50 ms)", slow_down, through=True),
    row("Cuts", "The engine refuses connections for 5 s", refuse(5), through=True),
    row(
        "Cuts",
        "The run is cancelled while the engine refuses connections",
        refuse(5, tell("cancel")),
        STOPPED,
        through=True,
    ),
]

FREEZES = [
    row("Freezes", "The container is paused for 3 s", each(pause, lambda e, c: e.unpause(c))),
    row(
        "Freezes",
        "The container is paused when its ``timeout`` passes",
        each(pause),
        TIMED_OUT,
        plan=Plan(script=counting(1000), timeout=4),
    ),
    row(
        "Freezes",
        "The container is paused, and the run is cancelled",
        first(each(pause), tell("cancel")),
        STOPPED,
    ),
    row(
        "Freezes",
        "Process 1 of the container is stopped by SIGSTOP for 3 s",
        each(lambda e, c: e.kill(c, "SIGSTOP"), lambda e, c: e.kill(c, "SIGCONT")),
    ),
    row("Freezes", "The launching process is frozen for 5 s, and runs end meanwhile", freeze_launcher),
    row("Freezes", "No packet arrives for 5 s, and runs end meanwhile", silence(""), through=True),
    row("Freezes", "The engine is frozen for 5 s", freeze_engine, private=True),
    row(
        "Freezes",
        "``on_output`` blocks, and the run is cancelled",
        while_blocked(tell("cancel")),
        Expect(("STOPPED",), (), "first"),
        plan=Plan(script=counting(1000), output="blocked"),
        until=None,
    ),
    row(
        "Freezes",
        "``on_output`` blocks when the ``timeout`` passes",
        while_blocked(nothing),
        Expect(("TIMED_OUT",), (), "first"),
        plan=Plan(script=counting(1000), output="blocked", timeout=2),
        until=None,
    ),
]

RESTARTS = [
    row("Restarts", "The engine restarts (``live-restore``)", restart_engine, MARKED, private=True),
    row(
        "Restarts",
        "The engine is restarted while runs go on after it",
        restart_engine,
        MARKED,
        plan=Plan(script=counting(200)),
        private=True,
    ),
]

CLOCKS = [
    row("Clocks", "The wall clock jumps an hour forward", jump(HOUR), clock=True),
    row("Clocks", "The wall clock jumps an hour back", jump(-HOUR), clock=True),
]

SHORTAGES = [
    row(
        "Shortages",
        "30 runs with 64 descriptors (``ulimit -n``)",
        nothing,
        Expect(lines="marked", errors=("LaunchError: ulimit -n", "EngineUnavailable: ulimit -n")),
        plan=Plan(script=counting(20), count=30, prelude=NO_FILES),
        until=None,
        limit=150,
    ),
    row(
        "Shortages",
        "20 runs with room for 25 processes and threads",
        nothing,
        Expect(errors=("LaunchError: use fewer workers", "RuntimeError: can't start new thread")),
        plan=Plan(script=counting(20), count=20),
        pids_limit=25,
        until=None,
    ),
    row(
        "Shortages",
        "The run exceeds its memory limit",
        nothing,
        Expect(("OOM_KILLED",), (137,), "unknown", said="memory"),
        plan=Plan(script=EXHAUST),
        settings={"mem_limit": "16m", "options": {"memswap_limit": "16m"}},
        until=None,
    ),
    row(
        "Shortages",
        "The run may start no more processes",
        nothing,
        Expect(("FAILED",), (), "unknown"),
        settings={"options": {"pids_limit": 1}},
        until=None,
    ),
]

INTERFERENCE = [
    row(
        "Others interfere",
        "The container is removed",
        each(remove),
        VANISHED,
        quick=True,
    ),
    row("Others interfere", "The container is renamed", each(rename)),
    row("Others interfere", "The container is restarted", each(lambda e, c: e.restart(c, timeout=1)), RESTARTED),
    row(
        "Others interfere",
        "The container is stopped, and its program exits with 5",
        stop_by_others,
        Expect(("FAILED",), (5,), "all"),
        plan=SILENT,
        until="line 0",
    ),
    row(
        "Others interfere",
        "The network is removed",
        remove_network,
        before=make_network,
        settings={"networks": [NETWORK], "network_mode": None},
    ),
    row(
        "Others interfere",
        "The image is deleted",
        remove_image,
        before=make_image,
        settings={"image": IMAGE, "image_pull_policy": "Never"},
    ),
]

ROWS = [*KILLS, *CUTS, *FREEZES, *RESTARTS, *CLOCKS, *SHORTAGES, *INTERFERENCE]
