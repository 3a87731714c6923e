"""Many calls while the event stream is cut again and again.

python -m tests.conformance.cut_calls HARNESS CALLS CUTS
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import as_completed
from contextlib import ExitStack, suppress

from launchpad import LaunchError, LaunchExecutor, LaunchFuture, Run, RunFailed

from .conftest import harness_classes
from .harness import MARK, Harness

WORKERS = 4


def wrong_calls(harness: Harness, calls: int, cuts: int) -> list[str]:
    """Calls a function with the numbers up to `calls`; a line for each call whose value is not that number."""
    marks = {MARK: harness.mark}
    runs = [
        Run(entrypoint="json:loads", parameters={"s": f"[{n}]"}, env=marks, labels=marks, name=str(n))
        for n in range(calls)
    ]
    interval = max(1, (calls - WORKERS) // cuts)
    with ExitStack() as stack:
        cut = None
        if "break_events" not in harness.cannot:
            cut = stack.enter_context(harness.breakable_events())
        launcher = stack.enter_context(harness.python_launcher(stream_output=False))
        futures = stack.enter_context(LaunchExecutor(launcher, WORKERS)).launch_all(runs)
        for number, _ in enumerate(as_completed(futures), 1):
            if cut is not None and number % interval == 0 and number <= calls - WORKERS:  # else no stream may be open
                with suppress(AssertionError):  # the stream is not open again yet
                    cut()
        return [fault for number, future in enumerate(futures) if (fault := fault_of(future, number))]


def fault_of(future: LaunchFuture, number: int) -> str:
    try:
        value = future.value()
    except (RunFailed, LaunchError, RuntimeError) as error:
        return f"{number}: {error}"
    return "" if value == [number] else f"{number}: WRONG: {value!r}"


if __name__ == "__main__":
    name, calls, cuts = sys.argv[1:]
    (found,) = [cls for cls in harness_classes() if cls.name == name]
    harness = found()
    print(json.dumps(wrong_calls(harness, int(calls), int(cuts)), indent=2))
    print(json.dumps(harness.leftovers()))
