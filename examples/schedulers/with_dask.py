"""Dask: runs are nodes of a task graph, which the threaded scheduler computes in a
LaunchExecutor.

Each task launches one run and returns its output. Dask orders the tasks. A task raises
if its run fails, so the tasks that depend on it are not started.
"""

import dask
from dask import delayed

from launchpad import LaunchExecutor, Run, SubprocessLauncher

launcher = SubprocessLauncher()


@delayed(pure=False)
def output_of(*command: str) -> str:
    lines: list[str] = []
    run = Run(command=[str(word) for word in command])
    if not launcher.submit(run, on_output=lambda run, line: lines.append(line)):
        raise RuntimeError(f"{command} failed: {lines}")
    return "\n".join(lines)


def main() -> None:
    sums = [output_of("expr", number, "+", number) for number in range(1, 5)]
    total = output_of("expr", sums[0], "+", sums[1], "+", sums[2], "+", sums[3])
    with LaunchExecutor(launcher, max_workers=4) as executor:
        print(dask.compute(sums, total, scheduler="threads", pool=executor))


if __name__ == "__main__":
    main()
