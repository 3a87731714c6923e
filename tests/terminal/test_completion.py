"""Completion in a shell on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from .screen import Terminal

BIN = Path(sys.executable).parent


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.skipif(not (BIN / "launchpad").exists(), reason="needs the command launchpad: pip install launchpad-runs")
def test_bash_completes_commands_and_launchers(tmp_path: Path) -> None:
    env = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PS1": "> ", "INPUTRC": os.devnull}
    with Terminal(["bash", "--noprofile", "--norc", "-i"], env=env, cwd=tmp_path) as terminal:
        terminal.press('eval "$(_LAUNCHPAD_COMPLETE=bash_source launchpad)"; clear\n')
        terminal.until(lambda lines: lines == [">"])
        terminal.press("launchpad ba\t")
        terminal.until(lambda lines: lines[-1:] == ["> launchpad batch"])
        terminal.press("--launcher kub\t")
        lines = terminal.until(lambda lines: "kubernetes" in lines[-1])
    assert lines == ["> launchpad batch --launcher kubernetes"]
