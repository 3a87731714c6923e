"""Fixtures that tests of local processes share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launchpad import SubprocessLauncher


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A FIFO for a run to write to: reading it blocks until the run does."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.fixture
def quiet() -> SubprocessLauncher:
    """A launcher without output."""
    return SubprocessLauncher(stream_output=False, grace=0.2)
