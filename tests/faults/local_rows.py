"""The rows of local processes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import attrs

from launchpad import Handle

from .causes import (
    HOUR,
    Fault,
    close_reader,
    first,
    freeze_launcher,
    jump,
    nothing,
    read_slowly,
    signal_launcher,
    signal_launchers_group,
    stop_unread,
    tell,
    while_blocked,
)
from .plan import Plan, counting
from .processes import cgroup, is_marked, send_checked
from .row import GONE, STOPPED, TIMED_OUT, TRUE_RESULT, Expect, Row
from .scene import Scene

FLOOD = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; sleep 0.2; exit 3"
"""A script that writes more than a pipe holds."""

STORM = f"""exec {sys.executable} -c '
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        child = os.fork()
    except OSError:
        time.sleep(0.01)
    else:
        if not child:
            os.execvp("sleep", ["sleep", "1000"])
'"""
"""A run that ignores SIGTERM and starts processes as long as it can."""

SIGKILL, SIGTERM, SIGHUP, SIGINT = signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT


def pid_of(handle: Handle) -> int:
    return int(handle.id.partition("@")[0])


def signal_runs(*numbers: signal.Signals, pause: float = 3.0) -> Fault:
    """Sends signals to the process of every run, with a pause between two of them."""

    def cause(scene: Scene) -> None:
        for again, number in enumerate(numbers):
            if again:
                scene.wait(pause)
            for handle in scene.handles:
                send_checked(pid_of(handle), number, ours(scene))

    return cause


def ours(scene: Scene) -> Callable[[int], bool]:
    return lambda pid: is_marked(pid, scene.mark)


def kill_groups(scene: Scene) -> None:
    for handle in scene.handles:
        pid = pid_of(handle)
        assert ours(scene)(pid)
        assert os.getpgid(pid) == pid != os.getpgid(0)
        os.killpg(pid, SIGKILL)


def end_grandchildren(scene: Scene) -> None:
    """Waits for the results, then kills the processes that the runs have left by design."""
    scene.launching.wait_for_results(scene.row.limit)
    scene.harness.clear()


def limit_memory(scene: Scene) -> None:
    """Moves the runs to a control group with little memory, then has them go on."""
    limits = {"memory.limit_in_bytes": "8M"}
    group = scene.stack.enter_context(cgroup("memory", limits))
    for handle in scene.handles:
        (group / "cgroup.procs").write_text(str(pid_of(handle)))
        send_checked(pid_of(handle), signal.SIGUSR1, ours(scene))


def row(kind: str, when: str, fault: Fault, expect: Expect = TRUE_RESULT, **fields: Any) -> Row:
    return Row(kind=kind, when=when, engine="local", fault=fault, expect=expect, **fields)


def killed(number: signal.Signals) -> Expect:
    return Expect(("FAILED",), (-number,), "beginning", said=number.name)


USUAL = counting()
SILENT = {"plan": Plan(script="echo line 0; exec sleep 1000"), "until": "line 0"}
"""A run that does not notice that nobody reads its output."""

STOPS = Plan(script=counting(1000), stop_on_sigterm=True)
BLOCKED = Plan(script=counting(1000), output="blocked")
PRINTED = Plan(script=FLOOD, count=1, output="printed")
EXHAUST = "trap 'x=a; while :; do x=$x$x; done' USR1; i=0; while :; do echo line $i; i=$((i+1)); sleep 0.2; done"
NO_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"
NO_MEMORY = """
import resource
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (100 << 20),) * 2)
"""
FULL_DISK = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1)"
NONBLOCKING = "import os; os.set_blocking(1, False)"
IGNORED = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
REAPED = """
import os, threading, time
def reap():
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.05)
threading.Thread(target=reap, daemon=True).start()
"""
ADVISED = ("LaunchError: ulimit -n",)
NO_ROOM = ("LaunchError: use fewer workers", "RuntimeError: can't start new thread")
GRANDCHILD = counting().replace("exit 3", "sleep 1000 & exit 3")

KILLS = [
    row("Kills", "The process of the run gets SIGKILL", signal_runs(SIGKILL), killed(SIGKILL), quick=True),
    row("Kills", "The process of the run gets SIGTERM from others", signal_runs(SIGTERM), killed(SIGTERM)),
    row("Kills", "The whole process group of the run gets SIGKILL", kill_groups, killed(SIGKILL)),
    row("Kills", "The launching process gets Ctrl-C", signal_launcher(SIGINT), STOPPED, quick=True),
    row("Kills", "SIGTERM, inside ``stop_on_sigterm``", signal_launcher(SIGTERM), STOPPED, plan=STOPS),
    row("Kills", "The launching process gets SIGTERM", signal_launcher(SIGTERM), GONE, **SILENT),
    row("Kills", "The launching process gets SIGHUP", signal_launcher(SIGHUP), GONE, **SILENT),
    row("Kills", "The launching process gets SIGKILL", signal_launcher(SIGKILL), GONE, **SILENT),
    row("Kills", "Its whole process group gets SIGKILL", signal_launchers_group(SIGKILL), GONE, **SILENT),
]

OUTPUT = [
    row(
        "Output",
        "The reader of the standard output goes away",
        close_reader,
        Expect(lines="unknown"),
        plan=PRINTED,
        until=None,
        quick=True,
    ),
    row(
        "Output",
        "The disk of the standard output is full",
        nothing,
        Expect(lines="unknown"),
        plan=attrs.evolve(PRINTED, prelude=FULL_DISK),
        until=None,
    ),
    row("Output", "The standard output is read slowly", read_slowly, plan=PRINTED, until=None),
    row(
        "Output",
        "The standard output is non-blocking and read slowly",
        read_slowly,
        plan=attrs.evolve(PRINTED, prelude=NONBLOCKING),
        until=None,
    ),
    row(
        "Output",
        "A cancel while the standard output is not read",
        stop_unread,
        Expect(("STOPPED",), (), "unknown"),
        plan=PRINTED,
        until=None,
    ),
    row(
        "Output",
        "A grandchild keeps the output open",
        end_grandchildren,
        plan=Plan(script=GRANDCHILD),
    ),
]

FREEZES = [
    row(
        "Freezes",
        "The process of the run is stopped by SIGSTOP for 3 s",
        signal_runs(signal.SIGSTOP, signal.SIGCONT),
    ),
    row(
        "Freezes",
        "The process is frozen when its ``timeout`` passes",
        signal_runs(signal.SIGSTOP),
        TIMED_OUT,
        plan=Plan(script=counting(1000), timeout=3),
    ),
    row(
        "Freezes",
        "The process is frozen, and the run is cancelled",
        first(signal_runs(signal.SIGSTOP), tell("cancel")),
        STOPPED,
        quick=True,
    ),
    row("Freezes", "The launching process is frozen for 5 s, and runs end meanwhile", freeze_launcher, quick=True),
    row(
        "Freezes",
        "``on_output`` blocks, and the run is cancelled",
        while_blocked(tell("cancel")),
        Expect(("STOPPED",), (), "first"),
        plan=BLOCKED,
        until=None,
    ),
    row(
        "Freezes",
        "``on_output`` blocks, and the executor is stopped",
        while_blocked(tell("stop")),
        Expect(("STOPPED",), (), "first"),
        plan=BLOCKED,
        until=None,
    ),
    row(
        "Freezes",
        "``on_output`` blocks when the ``timeout`` passes",
        while_blocked(nothing),
        Expect(("TIMED_OUT",), (), "first"),
        plan=attrs.evolve(BLOCKED, timeout=2),
        until=None,
    ),
    row(
        "Freezes",
        "``on_start`` blocks, and the run is cancelled",
        while_blocked(tell("cancel")),
        Expect(("STOPPED",), (), "beginning"),
        plan=Plan(script=counting(1000), start_blocks=True),
        until=None,
    ),
]

CLOCKS = [
    row("Clocks", "The wall clock jumps an hour forward", jump(HOUR), clock=True),
    row("Clocks", "The wall clock jumps an hour back", jump(-HOUR), clock=True),
    row(
        "Clocks",
        "The clock jumps forward before a ``timeout``",
        jump(HOUR),
        TIMED_OUT,
        plan=Plan(script=counting(lines=600), timeout=4),
        clock=True,
    ),
    row(
        "Clocks",
        "The clock jumps back before a ``timeout``",
        jump(-HOUR),
        TIMED_OUT,
        plan=Plan(script=counting(lines=600), timeout=4),
        clock=True,
    ),
]

SHORTAGES = [
    row(
        "Shortages",
        "60 runs with 64 descriptors (``ulimit -n``)",
        nothing,
        Expect(errors=ADVISED),
        plan=Plan(script=counting(10), count=60, prelude=NO_FILES),
        until=None,
    ),
    row(
        "Shortages",
        "40 runs with room for 30 processes and threads",
        nothing,
        Expect(("FAILED",), (), "unknown", errors=NO_ROOM),
        plan=Plan(script=counting(10), count=40),
        pids_limit=30,
        until=None,
    ),
    row(
        "Shortages",
        "40 runs when the launching process has no memory left",
        nothing,
        Expect(errors=("LaunchError: ", "RuntimeError: can't start new thread", "MemoryError")),
        plan=Plan(script=counting(10), count=40, prelude=NO_MEMORY),
        until=None,
    ),
    row(
        "Shortages",
        "The run has no memory left (a memory cgroup)",
        limit_memory,
        Expect(("FAILED",), (-9,), "beginning", said="memory"),
        plan=Plan(script=EXHAUST),
        until="line 1",
    ),
    row(
        "Shortages",
        "The run starts processes without end, and is cancelled",
        first(lambda scene: scene.launching.wait_for_handles(), lambda scene: scene.wait(2), tell("cancel")),
        Expect(("STOPPED",), (), "unknown"),
        plan=Plan(script=STORM, count=1),
        pids_limit=60,
        until=None,
    ),
]

INTERFERENCE = [
    row(
        "Others interfere",
        "The launching process ignores SIGCHLD",
        nothing,
        Expect(("UNKNOWN",), (None,), errors=("LaunchError: SIGCHLD",)),
        plan=Plan(script=USUAL, prelude=IGNORED),
        until=None,
    ),
    row(
        "Others interfere",
        "A thread calls ``waitpid(-1)`` all the time",
        nothing,
        Expect(("UNKNOWN", "FAILED"), (None, 3), errors=("LaunchError: ",)),
        plan=Plan(script=USUAL, prelude=REAPED),
        until=None,
    ),
]

ROWS = [*KILLS, *OUTPUT, *FREEZES, *CLOCKS, *SHORTAGES, *INTERFERENCE]
