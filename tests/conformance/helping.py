"""What tests of the suite share: another process that uses the same engine."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from launchpad import Handle, Run

from .harness import Harness

LONG = 120.0
"""Seconds after which something that must happen counts as stuck."""

ROOT = pathlib.Path(__file__).parents[2]


@contextmanager
def other_process(harness: Harness, verb: str, subject: Handle | Run | None = None) -> Iterator[subprocess.Popen[str]]:
    """Another process that does `verb` (see `other_process.py`), killed at the end of the block."""
    saved = json.dumps(attrs.asdict(subject)) if subject else ""
    command = [sys.executable, "-m", "tests.conformance.other_process", harness.name, harness.mark, verb, saved]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
