"""What a test has another process do: `python -m tests.conformance.other_process HARNESS MARK VERB SUBJECT`."""

from __future__ import annotations

import json
import os
import resource
import sys

import attrs

from launchpad import Handle, Launcher, LaunchExecutor, Run

from .conftest import harness_classes
from .harness import Harness, Say, UntilStopped
from .helping import LONG

MANY = 24
FREE_DESCRIPTORS = 24


def wait(harness: Harness, launcher: Launcher, saved: str) -> object:
    handle = Handle(**json.loads(saved))
    try:
        outcome = launcher.wait(handle, timeout=0)
    except TimeoutError:
        print("waiting", flush=True)
        outcome = launcher.wait(handle, timeout=LONG)
    return attrs.asdict(outcome, filter=attrs.filters.include("ok", "exit_code", "reason", "value"))


def start(harness: Harness, launcher: Launcher, saved: str) -> object:
    return attrs.asdict(launcher.start(Run(**json.loads(saved))))


def stop(harness: Harness, launcher: Launcher, saved: str) -> object:
    launcher.stop(Handle(**json.loads(saved)))
    return "stopped"


def submit(harness: Harness, launcher: Launcher, _: str) -> object:
    """A run that goes on until this process is interrupted."""
    try:
        return launcher.submit(harness.run([UntilStopped()]), on_output=lambda run, line: print(line, flush=True))
    except KeyboardInterrupt:
        return "interrupted"


def run_short_of_descriptors(harness: Harness, launcher: Launcher, _: str) -> object:
    """Many runs at once, with output, and few descriptors for them."""
    launcher.check()  # imports what the engine needs: a file that cannot be opened then is another matter
    descriptors = len(os.listdir("/proc/self/fd")) + FREE_DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    with LaunchExecutor(launcher, MANY) as executor:
        futures = [executor.submit(harness.run([Say("line")]), on_output=lambda run, line: None) for _ in range(MANY)]
        return [str(future.exception() or future.outcome.reason) for future in futures]


VERBS = {
    "start": start,
    "wait": wait,
    "stop": stop,
    "submit": submit,
    "run_short_of_descriptors": run_short_of_descriptors,
}


def main(name: str, mark: str, verb: str, subject: str) -> None:
    (harness_class,) = [cls for cls in harness_classes() if cls.name == name]
    harness = harness_class(mark)
    with harness.launcher(stream_output=verb == "start") as launcher:
        print(json.dumps(VERBS[verb](harness, launcher, subject)))


if __name__ == "__main__":
    main(*sys.argv[1:])
