"""asyncio: a LaunchFuture can be awaited, and cancelling the awaiting task stops the
run.

`wrap_future` passes on the cancellation by a timeout, a failed TaskGroup or a client
that disconnects. With `run_in_executor(executor, launcher.submit, run)`, the coroutine
is cancelled but the run continues, like any function called in a thread.

The executor is opened outside the event loop, because the end of its block waits and
must not block a coroutine.
"""

import asyncio

from launchpad import LaunchExecutor, Run, SubprocessLauncher


async def launch(executor: LaunchExecutor, run: Run) -> bool:
    return await asyncio.wrap_future(executor.submit(run))


async def together(executor: LaunchExecutor) -> None:
    runs = [Run(command=["sh", "-c", f"exit {code}"]) for code in (0, 3, 0)]
    print(await asyncio.gather(*(launch(executor, run) for run in runs)))


async def with_timeout(executor: LaunchExecutor) -> None:
    future = executor.submit(Run(command=["sleep", "3600"]))
    try:
        await asyncio.wait_for(asyncio.wrap_future(future), timeout=0.5)
    except asyncio.TimeoutError:  # the built-in TimeoutError since Python 3.11
        print("timed out: the run is being stopped")


async def in_a_thread(executor: LaunchExecutor) -> None:
    loop, launcher = asyncio.get_running_loop(), SubprocessLauncher()
    print(
        await loop.run_in_executor(
            executor, launcher.submit, Run(command=["echo", "hello"])
        )
    )


async def run_all(executor: LaunchExecutor) -> None:
    await together(executor)
    await with_timeout(executor)
    await in_a_thread(executor)


def main() -> None:
    with LaunchExecutor(SubprocessLauncher(), max_workers=8) as executor:
        asyncio.run(run_all(executor))


if __name__ == "__main__":
    main()
