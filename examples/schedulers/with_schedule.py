"""schedule: `run_pending` calls one job after another, so each job should return at
once.

`executor.submit` returns at once, and the run continues in the background. A run is not
launched again while the previous one is still running.
"""

import time

import schedule

from launchpad import LaunchExecutor, LaunchFuture, Run, SubprocessLauncher


class Job:
    """Launches a run when it is called, unless the previous run is still running."""

    def __init__(self, executor: LaunchExecutor, *command: str) -> None:
        self.futures: list[LaunchFuture] = []
        self._executor = executor
        self._command = list(command)

    def __call__(self) -> None:
        if not self.futures or self.futures[-1].done():
            self.futures.append(self._executor.submit(Run(command=self._command)))


def main() -> None:
    scheduler = schedule.Scheduler()
    with LaunchExecutor(SubprocessLauncher(), max_workers=4) as executor:
        quick, slow = Job(executor, "echo", "tick"), Job(executor, "sleep", "2.5")
        scheduler.every().second.do(quick)
        scheduler.every().second.do(slow)
        while len(quick.futures) < 3:
            scheduler.run_pending()
            time.sleep(0.05)
    print(all(future.result() for job in (quick, slow) for future in job.futures))


if __name__ == "__main__":
    main()
