"""`launchpad batch` on a terminal."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from .screen import Terminal, launchpad, python

FAKE = """
import sys
from launchpad import register_launcher
from launchpad.cli import main
from launchpad.testing import FakeBackend, FakeLauncher, Script

fake = FakeBackend(lambda run: Script(exit_code=1 if run.name.endswith("00") else 0))

@register_launcher
class Scripted(FakeLauncher):
    type = "scripted"

    def connect(self):
        return fake

main()
"""


def file_of(folder: Path, runs: Iterable[dict[str, object]]) -> str:
    """A file of runs, a JSON line each."""
    path = folder / "runs.jsonl"
    path.write_text("".join(json.dumps(run) + "\n" for run in runs))
    return str(path)


def twenty(folder: Path) -> str:
    return file_of(
        folder,
        ({"name": f"run {n}", "command": ["sh", "-c", f"echo line {n}; exit {n % 10 == 9:d}"]} for n in range(20)),
    )


def test_lines_and_failures_are_whole_and_the_summary_is_last(tmp_path: Path) -> None:
    with Terminal(launchpad("batch", twenty(tmp_path), "--workers", "4")) as terminal:
        lines = terminal.end()
        assert terminal.wait() == 1
    assert sorted(lines[:20]) != []
    assert {line for line in lines if " | " in line} == {f"run {n} | line {n}" for n in range(20)}
    assert {line for line in lines if "Exited" in line} == {f"run {n}: failed: Exited with status 1." for n in (9, 19)}
    assert re.fullmatch(r"20 runs: 18 succeeded, 2 failed in 0:\d\d(, .*)?", lines[22]), lines
    assert re.split(r"  +", lines[-1]) in (["failed", "2", "run 9, run 19"], ["failed", "2", "run 19, run 9"])
    assert len(lines) == 29


@pytest.mark.parametrize("columns", [12, 30, 60])
def test_a_narrow_terminal_has_no_torn_bar(tmp_path: Path, columns: int) -> None:
    with Terminal(launchpad("batch", twenty(tmp_path), "--quiet"), columns=columns) as terminal:
        text = "".join(terminal.end())
    assert "/20" not in text
    assert "━" not in text
    assert "20 runs: 18" in text


def test_no_color_is_honoured(tmp_path: Path) -> None:
    with Terminal(launchpad("batch", twenty(tmp_path)), env={"NO_COLOR": "1"}) as terminal:
        terminal.end()
        assert terminal.colours() == set()


def test_without_a_terminal_there_is_no_escape(tmp_path: Path) -> None:
    command = "unset FORCE_COLOR; " + " ".join(launchpad("batch", twenty(tmp_path))) + " 2>&1 | cat"
    with Terminal(["sh", "-c", command]) as terminal:
        terminal.end()
    assert "\x1b" not in terminal.raw


def test_names_of_any_script_are_shown_and_their_commands_to_the_terminal_are_not(tmp_path: Path) -> None:
    names = ["漢字", "مرحبا", "x\x1b[2J\x1b]0;title\x07", "\u202eback", "👩🏽‍🚀"]
    runs = [{"name": name, "command": ["sh", "-c", "echo said; false"]} for name in names]
    with Terminal(launchpad("batch", file_of(tmp_path, runs), "--workers", "1")) as terminal:
        lines = terminal.end()
    said = [line.split(" | ")[0].replace(" ", "") for line in lines if line.endswith(" | said")]
    assert said[:2] == names[:2]
    assert said[2:4] == ["x\\x1b[2J\\x1b]0;title\\x07", "\\u202eback"]
    assert sum("Exited with status 1." in line for line in lines) == 5


def test_the_bar_is_not_drawn_for_each_of_three_thousand_runs(tmp_path: Path) -> None:
    runs = file_of(tmp_path, ({"name": f"n{n}", "command": ["x"]} for n in range(3000)))
    with Terminal([*python(FAKE), "batch", runs, "--launcher", "scripted"]) as terminal:
        lines = terminal.end()
    assert len([line for line in lines if ": failed: Exited with status 1." in line]) == 29
    assert any(line.startswith("3000 runs: 2971 succeeded, 29 failed in ") for line in lines)
    assert not [line for line in lines if "/3000" in line]
    assert terminal.raw.count("/3000") < 1000  # ten times a second, and once more for each failure


def ended(lines: list[str]) -> int:
    """How many runs have ended according to the bar."""
    shown = re.search(r"(\d+)/\d+", lines[-1]) if lines else None
    return int(shown[1]) if shown else 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_memory_does_not_grow_with_the_runs_that_have_ended(tmp_path: Path) -> None:
    runs = file_of(tmp_path, ({"command": ["true"]} for _ in range(1500)))
    with Terminal(launchpad("batch", runs, "--workers", "4")) as terminal:
        terminal.until(lambda lines: ended(lines) > 200)
        early = terminal.memory()
        terminal.until(lambda lines: ended(lines) > 1200)
        assert terminal.memory() - early < 3 * 1024 * 1024


def test_ctrl_c_stops_all_and_leaves_a_clean_screen(tmp_path: Path) -> None:
    runs = file_of(tmp_path, ({"name": f"n{n}", "command": ["sleep", "600"]} for n in range(50)))
    with Terminal(launchpad("batch", runs, "--workers", "3")) as terminal:
        terminal.until(lambda lines: any("3 running" in line for line in lines))
        terminal.press("\x03")
        lines = terminal.end()
        assert terminal.wait() == 128 + signal.SIGINT
    assert [line for line in lines if "stopping; press Ctrl-C again" in line]
    assert any(line.startswith("50 runs: 50 cancelled in ") for line in lines)
    assert not [line for line in lines if "━" in line]
