"""Threads: `submit` blocks the calling thread, and any thread may call it.

All threads share one launcher. Each thread launches the steps of one pipeline, one
after another, and launches a step only if the previous one succeeded.
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
    threads = [
        Thread(target=pipeline, args=(launcher, name, results)) for name in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(results.items()))


if __name__ == "__main__":
    main()
