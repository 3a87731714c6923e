"""Plain threads: `submit` blocks the thread that calls it, and any thread may call it.

One launcher serves all threads. Here each thread works through a queue of its own and goes on with what comes next
only when the run before has succeeded, which is what threads are good for.
"""

from threading import Thread

from launchpad import Launcher, Run, SubprocessLauncher

STEPS = ("extract", "transform", "load")


def pipeline(launcher: Launcher, source: str, results: dict[str, bool]) -> None:
    runs = (Run(command=["echo", f"{source}: {step}"]) for step in STEPS)
    results[source] = all(launcher.submit(run) for run in runs)


def main() -> None:
    launcher = SubprocessLauncher()
    results: dict[str, bool] = {}
    sources = ("north", "south", "west")
    threads = [Thread(target=pipeline, args=(launcher, name, results)) for name in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results.items()))


if __name__ == "__main__":
    main()
