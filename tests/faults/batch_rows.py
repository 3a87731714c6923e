"""The rows of values, retries, files of output, and journals."""

from __future__ import annotations

import signal

from .causes import first, nothing, signal_launcher
from .docker_rows import each
from .local_rows import signal_runs
from .plan import Plan, counting
from .row import GONE, STOPPED, Expect, Row
from .scene import Scene

SECOND = 'if [ "$LAUNCHPAD_ATTEMPT" = 1 ]; then echo line 0; exec sleep 1000; fi; exit 3'
"""A script whose first attempt does not end, and whose second one is the last."""

SECOND_RESULT = Expect(lines="unknown")

NO_ROOM_IN_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))"

KILL_LAUNCHER = signal_launcher(signal.SIGKILL)


def wait_for_handles(scene: Scene) -> None:
    scene.launching.wait_for_handles()


def wait_for_pause(scene: Scene) -> None:
    """Waits until the first attempt has ended everywhere."""
    scene.wait_until_gone(60)


LOCAL = [
    Row(
        kind="Kills",
        when="The launching process of a function gets SIGKILL",
        engine="local",
        fault=first(wait_for_handles, KILL_LAUNCHER),
        expect=GONE,
        plan=Plan(entrypoint="signal:pause"),
        until=None,
    ),
    Row(
        kind="Kills",
        when="The process of a run with ``Retry(2)`` gets SIGKILL",
        engine="local",
        fault=signal_runs(signal.SIGKILL),
        expect=SECOND_RESULT,
        plan=Plan(script=SECOND, attempts=2),
        until="line 0",
    ),
    Row(
        kind="Kills",
        when="SIGTERM during the pause of a ``Retry``, inside ``stop_on_sigterm``",
        engine="local",
        fault=first(wait_for_handles, wait_for_pause, signal_launcher(signal.SIGTERM)),
        expect=STOPPED,
        plan=Plan(script="echo line 0; exit 3", attempts=2, wait=1000, stop_on_sigterm=True),
        until="line 0",
    ),
    Row(
        kind="Kills",
        when="The launching process of a journal gets SIGKILL",
        engine="local",
        fault=KILL_LAUNCHER,
        plan=Plan(script=counting(), journal=True),
        adopted=True,
    ),
    Row(
        kind="Shortages",
        when="The disk of ``output_dir`` is full",
        engine="local",
        fault=nothing,
        plan=Plan(script=counting(), output_dir=True, prelude=NO_ROOM_IN_FILES),
        until=None,
    ),
]

DOCKER = [
    Row(
        kind="Kills",
        when="The launching process of a journal gets SIGKILL",
        engine="Docker",
        fault=KILL_LAUNCHER,
        expect=Expect(lines="unknown"),
        plan=Plan(script=counting(), journal=True),
        adopted=True,
    ),
    Row(
        kind="Kills",
        when="The container of a run with ``Retry(2)`` gets ``docker kill``",
        engine="Docker",
        fault=each(lambda engine, container: engine.kill(container)),
        expect=SECOND_RESULT,
        plan=Plan(script=SECOND, attempts=2),
        until="line 0",
    ),
]

ROWS = [*LOCAL, *DOCKER]
