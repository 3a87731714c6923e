"""Rules that all units of local processes keep: when a run is over, and which processes a stop reaches."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from launchpad import EngineUnavailable, Run, SubprocessLauncher
from launchpad.core.backend import Unit
from launchpad.core.cancellation import StopToken
from launchpad.subprocess.backend import SubprocessBackend, UnitFactory, default_unit_factory
from launchpad.subprocess.unit import open_pidfd_unit
from launchpad.subprocess.unit_threaded import ThreadedUnit
from tests.helping import is_running, lines_of
from tests.subprocess.helping import TIMEOUT, launcher_of, pid_of, wait_until_ended

FACTORIES = {"cheapest": default_unit_factory(), "pidfd": open_pidfd_unit, "threads": ThreadedUnit}

Make = Callable[..., SubprocessLauncher]


@pytest.fixture(params=FACTORIES.values(), ids=FACTORIES)
def factory(request: pytest.FixtureRequest) -> UnitFactory:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def make(factory: UnitFactory) -> Make:
    return lambda **settings: launcher_of(factory, stream_output=False, **settings)


def test_a_grandchild_that_never_stops_writing_does_not_delay_the_end(make: Make) -> None:
    script = "sh -c 'echo $$ >&2; while :; do echo more; done' & exec sleep 0.1"
    lines = lines_of(make(), Run(command=["sh", "-c", script]))
    wait_until_ended(int(next(line for line in lines if line != "more")))  # its pipe is closed


def test_a_grandchild_is_stopped_even_if_the_leader_ends_first(make: Make, fifo: Path) -> None:
    launcher = make(grace=0.3)
    script = f"(trap '' TERM; exec sh -c 'echo $$ > {fifo}; exec sleep 60') & wait"
    handle = launcher.start(Run(command=["sh", "-c", script]))
    grandchild = int(fifo.read_text())
    launcher.stop(handle)
    assert not is_running(grandchild)
    assert launcher.wait(handle).exit_code == -signal.SIGTERM
    launcher.remove(handle)


def test_a_grandchild_that_obeys_sigterm_is_waited_for(make: Make, fifo: Path, tmp_path: Path) -> None:
    launcher = make(grace=TIMEOUT)
    slow = tmp_path / "slow.sh"
    slow.write_text(f"sleep 60 &\ntrap 'sleep 0.3; touch {tmp_path}/result; exit' TERM\necho up > {fifo}\nwait\n")
    handle = launcher.start(Run(command=["sh", "-c", f"sh {slow} & wait"]))
    fifo.read_text()
    launcher.stop(handle)
    assert (tmp_path / "result").exists()
    launcher.remove(handle)


def test_a_run_that_ended_before_the_stop_keeps_its_result(make: Make) -> None:
    launcher = make()
    handle = launcher.start(Run(command=["true"]))
    wait_until_ended(pid_of(handle))
    launcher.stop(handle)
    assert launcher.wait(handle).ok
    launcher.remove(handle)


def test_a_closed_unit_is_an_error_for_its_polls(factory: UnitFactory) -> None:
    run = Run(command=["sleep", "60"])
    spec = SubprocessLauncher().spec(run, "sleep")
    unit: Unit = SubprocessBackend(factory).start(spec, "sleep", run, output=True, stop_token=StopToken())
    unit.close()
    unit.close()
    with pytest.raises(EngineUnavailable, match="no longer followed"):
        unit.poll(None)
    unit.kill()
    wait_until_ended(pid_of(unit.handle))
    with suppress(ChildProcessError):  # the threads of a unit reap its process themselves
        os.waitpid(pid_of(unit.handle), 0)
