"""What tests of local processes share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Where a run may write a line: who reads it waits for the writer."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path
