"""APScheduler 3: a launcher's `submit` is a job, and a LaunchExecutor is the pool that
jobs run in.

`submit` blocks until the run has ended, so `max_instances` and `coalesce` hold back a
run while the previous one is still running. The result of the run is the return value
of the job, which a listener receives.
"""

import threading

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from launchpad import LaunchExecutor, Run, SubprocessLauncher


class LaunchPool(BasePoolExecutor):
    """Lets APScheduler run its jobs in a LaunchExecutor."""

    def __init__(self, executor: LaunchExecutor) -> None:
        super().__init__(executor)


def main() -> None:
    launcher = SubprocessLauncher()
    ended = threading.Semaphore(0)

    def report(event: JobExecutionEvent) -> None:
        print(
            event.job_id, "succeeded" if event.retval else event.exception or "failed"
        )
        ended.release()

    with LaunchExecutor(launcher, max_workers=4) as executor:
        pools = {"default": LaunchPool(executor)}
        scheduler = BackgroundScheduler(executors=pools, timezone="UTC")
        scheduler.add_listener(report, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        for name, code in (("report", 0), ("cleanup", 3)):
            run = Run(command=["sh", "-c", f"echo {name}; exit {code}"], name=name)
            scheduler.add_job(launcher.submit, "interval", [run], seconds=0.5, id=name)
        scheduler.start()
        for _ in range(4):
            ended.acquire()
        scheduler.shutdown()


if __name__ == "__main__":
    main()
