"""Which faults a Retry launches again: the same attempts on every engine."""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import attrs
import pytest

from launchpad import Launcher, LaunchError, LaunchExecutor, LaunchFuture, Outcome, Reason, Retry
from tests.helping import eventually, in_thread

from .harness import End, EndOnce, ExhaustMemory, Harness, Program, UntilStopped
from .helping import LONG

TWICE = Retry(2)


@attrs.frozen(kw_only=True)
class Fault:
    """What a run does, or what befalls it, and how its attempts end."""

    program: Program = ()
    retry: Retry = TWICE
    attempts: list[Reason]
    timeout: float | None = None
    small: bool = False
    befalls: Callable[[Harness, LaunchFuture], object] | None = None
    """Is called in each attempt, when the run is ready."""

    needs: str = ""
    """The feature of a harness without which there is no such fault."""


def kill(harness: Harness, future: LaunchFuture) -> None:
    harness.kill(future.wait_started(LONG))


def remove(harness: Harness, future: LaunchFuture) -> None:
    harness.remove(future.wait_started(LONG))


def evict(harness: Harness, future: LaunchFuture) -> None:
    harness.evict(future.wait_started(LONG))


def cancel(harness: Harness, future: LaunchFuture) -> None:
    future.cancel()


FAULTS: Mapping[str, Fault] = {
    "exit status 1": Fault(program=[End(1)], attempts=[Reason.FAILED] * 2),
    "exit status 1, once": Fault(program=[EndOnce(1)], attempts=[Reason.FAILED, Reason.COMPLETED]),
    "exit status 75, to be retried": Fault(
        program=[EndOnce(75)], retry=Retry(2, exit_codes=[75]), attempts=[Reason.FAILED, Reason.COMPLETED]
    ),
    "exit status 1, not to be retried": Fault(
        program=[End(1)], retry=Retry(2, exit_codes=[75]), attempts=[Reason.FAILED]
    ),
    "out of memory": Fault(
        program=[ExhaustMemory()], small=True, attempts=[Reason.OOM_KILLED] * 2, needs="limit_memory"
    ),
    "killed by others": Fault(program=[UntilStopped()], befalls=kill, attempts=[Reason.FAILED] * 2, needs="kill"),
    "removed by others": Fault(program=[UntilStopped()], befalls=remove, attempts=[Reason.VANISHED], needs="remove"),
    "evicted, which is free": Fault(
        program=[UntilStopped()],
        befalls=evict,
        retry=Retry(1, free_limit=2),
        attempts=[Reason.EVICTED] * 3,
        needs="evict",
    ),
    "time-out": Fault(program=[UntilStopped()], timeout=0.5, attempts=[Reason.TIMED_OUT]),
    "time-out, to be retried": Fault(
        program=[UntilStopped()], timeout=0.5, retry=Retry(2, on=["timed_out"]), attempts=[Reason.TIMED_OUT] * 2
    ),
    "cancelled": Fault(program=[UntilStopped()], befalls=cancel, attempts=[Reason.STOPPED]),
}


def launched(harness: Harness, faults: Mapping[str, Fault]) -> dict[str, list[Outcome]]:
    """The outcomes of the attempts of each fault, all launched at the same time."""
    events: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    with harness.launcher(grace=1) as launcher, small(harness) as other, LaunchExecutor(launcher, 16) as executor:
        futures: dict[str, LaunchFuture] = {}
        for name, fault in faults.items():
            run = harness.run(fault.program, name=name, timeout=fault.timeout)
            futures[name] = executor.submit(
                run,
                launcher=other if fault.small else None,
                retry=fault.retry,
                on_output=lambda run, line: events.put((run.name, line)),
            )
            futures[name].add_done_callback(lambda future: events.put((future.run.name, "")))
        while not all(future.done() for future in futures.values()):
            name, line = events.get(timeout=LONG)
            if line == "ready" and (befalls := faults[name].befalls) is not None:
                befalls(harness, futures[name])
    return {name: future.attempts for name, future in futures.items()}


def small(harness: Harness) -> AbstractContextManager[Launcher | None]:
    return nullcontext() if "limit_memory" in harness.cannot else harness.small_launcher(grace=1)


def test_a_fault_gives_the_same_attempts_on_every_engine(harness: Harness) -> None:
    faults = {name: fault for name, fault in FAULTS.items() if fault.needs not in harness.cannot}
    attempts = launched(harness, faults)
    assert {name: [outcome.reason for outcome in outcomes] for name, outcomes in attempts.items()} == {
        name: fault.attempts for name, fault in faults.items()
    }
    for outcomes in attempts.values():
        assert [outcome.attempt for outcome in outcomes] == [*range(1, len(outcomes) + 1)]
        assert len({outcome.handle for outcome in outcomes}) == len(outcomes)


def test_a_run_that_cannot_be_launched_has_one_attempt(harness: Harness, launcher: Launcher) -> None:
    with LaunchExecutor(launcher, retry=TWICE) as executor:
        future = executor.submit(harness.unlaunchable())
        assert isinstance(future.exception(LONG), LaunchError)
    assert [outcome.reason for outcome in future.attempts] == [Reason.NOT_LAUNCHED]


@pytest.mark.needs("list_runs")
def test_another_launcher_learns_which_attempt_a_run_is(harness: Harness) -> None:
    with harness.launcher(grace=1) as launcher, harness.launcher() as other:
        with LaunchExecutor(launcher, retry=TWICE) as executor:
            future = executor.submit(harness.run([EndOnce(1), UntilStopped()]))
            assert eventually(
                lambda: len(future.attempts) == 1 and future.handle != future.attempts[0].handle, bool, LONG
            )
            waiting = in_thread(other.wait, future.handle)
            executor.stop()
        assert waiting.result(LONG).attempt == 2
