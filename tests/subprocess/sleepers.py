"""Launches runs that sleep, cancels them together, and prints how long it takes until they are gone.

python -m tests.subprocess.sleepers COUNT
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import wait

from launchpad import LaunchExecutor, Run, SubprocessLauncher
from tests.helping import is_running
from tests.subprocess.helping import pid_of


def main(count: int) -> int:
    with LaunchExecutor(SubprocessLauncher(stream_output=False), count) as executor:
        futures = executor.launch_all(Run(command=["sleep", "3600"]) for _ in range(count))
        pids = [pid_of(future.wait_started()) for future in futures]
        began = time.monotonic()
        for future in futures:
            future.cancel()
        wait(futures)
        seconds = time.monotonic() - began
    left = sum(map(is_running, pids))
    print(f"{count} sleepers are gone {seconds:.1f} s after their cancellation, {left} are left")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
