"""Many runs at once."""

from __future__ import annotations

import threading
from collections import defaultdict

from launchpad import Launcher, LaunchExecutor, Run

from .harness import End, Harness, UntilStopped, Write
from .helping import LONG


def test_every_one_of_many_runs_gets_its_own_result_and_output(harness: Harness, launcher: Launcher) -> None:
    lines: dict[str, list[str]] = defaultdict(list)
    runs = [harness.run([Write(f"{n}\n".encode()), End(n % 3)], name=f"run {n}") for n in range(harness.many)]

    def keep(run: Run, line: str) -> None:
        lines[run.id].append(line)

    with LaunchExecutor(launcher, max_workers=16) as executor:
        futures = [executor.submit(run, on_output=keep) for run in runs]
    assert [future.outcome.exit_code for future in futures] == [n % 3 for n in range(harness.many)]
    assert [lines[run.id] for run in runs] == [[str(n)] for n in range(harness.many)]


def test_many_runs_in_flight_are_followed_by_few_threads_and_stopped_at_once(
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
    assert threads <= number + 3 or not harness.few_threads
