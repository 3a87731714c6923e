"""The examples that are scripts of their own do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def counted(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / "folder_of_files.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


def test_every_file_of_a_folder_is_counted(tmp_path: Path) -> None:
    for name, text in (("a.txt", "to be or not to be"), ("b ü.txt", "")):
        (tmp_path / name).write_text(text)
    (tmp_path / "folder").mkdir()
    done = counted(tmp_path)
    table = [line.split() for line in done.stdout.splitlines()]
    assert table[1:3] == [["a.txt", "6", "4"], ["b", "ü.txt", "0", "0"]]
    assert (done.stdout.splitlines()[-1], done.returncode) == ("2 of 2 files were counted", 0)


def test_a_file_that_cannot_be_counted_is_in_the_table_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "b.txt").write_bytes(b"\xff")
    done = counted(tmp_path)
    _, good, summary, heading, bad, *tail = done.stdout.splitlines()
    assert good.split() == ["a.txt", "2", "2"]
    assert (summary, heading.split()[:2]) == ("1 of 2 files were counted", ["name", "state"])
    assert bad.split()[:4] == ["b.txt", "failed", "failed", "1"]
    assert tail[-1].split()[0] == "UnicodeDecodeError:"
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
