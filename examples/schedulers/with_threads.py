"""Plain threads: `submit` blocks the thread that calls it, and any thread may call it.

One launcher serves all threads. Here each thread works through a queue of its own and goes on with what comes next
only when the run before has succeeded, which is what threads are good for.
"""

import threading

from launchpad import Launcher, Run, SubprocessLauncher

STEPS = ("extract", "transform", "load")


def pipeline(launcher: Launcher, source: str, results: dict[str, bool]) -> None:
    steps = (Run(command=["echo", f"{source}: {step}"], name=f"{source}-{step}") for step in STEPS)
    results[source] = all(launcher.submit(step) for step in steps)


def main() -> None:
    launcher = SubprocessLauncher()
    results: dict[str, bool] = {}
    sources = ("north", "south", "west")
    threads = [threading.Thread(target=pipeline, args=(launcher, source, results)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results.items()))


if __name__ == "__main__":
    main()
