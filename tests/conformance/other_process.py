"""What a test has another process do: `python -m tests.conformance.other_process HARNESS MARK VERB HANDLE`."""

from __future__ import annotations

import json
import sys

import attrs

from launchpad import Handle, Launcher

from .conftest import harness_classes
from .harness import Harness, UntilStopped


def wait(harness: Harness, launcher: Launcher, saved: str) -> object:
    handle = Handle(**json.loads(saved))
    try:
        outcome = launcher.wait(handle, timeout=0)
    except TimeoutError:
        print("waiting", flush=True)
        outcome = launcher.wait(handle, timeout=100)
    return attrs.asdict(outcome, filter=attrs.filters.include("ok", "exit_code", "reason"))


def stop(harness: Harness, launcher: Launcher, saved: str) -> object:
    launcher.stop(Handle(**json.loads(saved)))
    return "stopped"


def submit(harness: Harness, launcher: Launcher, _: str) -> object:
    """A run that goes on until this process is interrupted."""
    try:
        return launcher.submit(harness.run([UntilStopped()]), on_output=lambda run, line: print(line, flush=True))
    except KeyboardInterrupt:
        return "interrupted"


def main(name: str, mark: str, verb: str, handle: str) -> None:
    (harness_class,) = [cls for cls in harness_classes() if cls.name == name]
    harness = harness_class(mark)
    with harness.launcher(stream_output=False) as launcher:
        print(json.dumps({"wait": wait, "stop": stop, "submit": submit}[verb](harness, launcher, handle)))


if __name__ == "__main__":
    main(*sys.argv[1:])
