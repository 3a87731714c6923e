"""Many runs at once."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from concurrent.futures import wait

from launchpad import Launcher, LaunchExecutor, Run, RunEvent, on_event

from .harness import End, Harness, UntilStopped, Write
from .helping import LONG


def test_each_of_many_runs_gets_its_own_result_and_output(harness: Harness, launcher: Launcher) -> None:
    lines: dict[str, list[str]] = defaultdict(list)
    runs = [harness.run([Write(f"{n}\n".encode()), End(n % 3)], name=f"run {n}") for n in range(harness.many)]

    def keep(run: Run, line: str) -> None:
        lines[run.id].append(line)

    with LaunchExecutor(launcher, max_workers=16) as executor:
        futures = [executor.submit(run, on_output=keep) for run in runs]
    assert [future.outcome.exit_code for future in futures] == [n % 3 for n in range(harness.many)]
    assert [lines[run.id] for run in runs] == [[str(n)] for n in range(harness.many)]


def test_runs_in_flight_take_no_threads_but_their_workers_and_stop_together(
    harness: Harness, launcher: Launcher
) -> None:
    number = min(harness.many, 50)
    before = threading.active_count()
    with LaunchExecutor(launcher, max_workers=number) as executor:
        futures = executor.launch_all(harness.run([UntilStopped()]) for _ in range(number))
        for future in futures:
            future.wait_started(LONG)
        threads = threading.active_count() - before
        executor.stop()
    assert [future.cancelled() for future in futures] == [True] * number
    assert threads <= number + 4 or not harness.few_threads


def test_max_launches_does_not_bound_the_runs_in_flight(harness: Harness, launcher: Launcher) -> None:
    number = min(harness.many, 8)
    with LaunchExecutor(launcher, max_workers=number, max_launches=1) as executor:
        futures = executor.launch_all(harness.run([UntilStopped()]) for _ in range(number))
        for future in futures:
            future.wait_started(LONG)
        assert [future.running() for future in futures] == [True] * number
        executor.stop()


def test_each_launch_has_one_started_and_one_ended_event(harness: Harness, launcher: Launcher) -> None:
    kinds: dict[str, list[str]] = defaultdict(list)
    run = harness.run([End(3)])
    runs = [harness.run([]), run, run, harness.run([UntilStopped()], timeout=0.2), harness.run([UntilStopped()])]

    def record(event: RunEvent) -> None:
        if event.kind != "pending":  # a run may wait for its pod
            kinds[event.run.id].append(event.kind)

    with on_event(record), LaunchExecutor(launcher, max_workers=1) as executor:
        futures = executor.launch_all(runs)
        futures[-1].wait_started(LONG)
        futures[-1].cancel()
        wait(futures, LONG)
    launches = Counter(run.id for run in runs)
    assert kinds == {run_id: ["started", "ended"] * number for run_id, number in launches.items()}
