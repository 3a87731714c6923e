"""`launchpad batch --journal` and `launchpad journal`."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from launchpad.journal.entry import State
from launchpad.journal.store import read_entries

from ..helping import until
from .command import launchpad, started
from .test_batch import lines, sh


def begun(folder: Path, text: str, *options: str) -> tuple[int, str, str]:
    """The status, the last line and all output of a batch in `folder`."""
    done = launchpad("batch", "-", "--journal", "j", *options, stdin=text, cwd=folder)
    return done.returncode, done.stderr.splitlines()[-1].removeprefix("launchpad: "), done.stdout + done.stderr


def shown(folder: Path) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(launchpad("journal", "j", "--json", cwd=folder).stdout)
    return result


def test_a_batch_that_is_begun_again_tells_what_it_did(tmp_path: Path) -> None:
    text = lines(sh("echo a >> ran", name="a"), sh("echo b >> ran; exit 3", name="b"))
    assert begun(tmp_path, text)[:2] == (1, "0 done before, 0 adopted, 2 run now, 1 failed")
    status, last, output = begun(tmp_path, text)
    assert (status, last) == (1, "2 done before, 0 adopted, 0 run now, 1 failed")
    assert "2 runs: 1 succeeded, 1 failed" in output
    status, last, _ = begun(tmp_path, text + lines(sh("exit 0", name="c")), "--retry-failed")
    assert (status, last) == (1, "1 done before, 0 adopted, 2 run now, 1 failed")
    status, last, output = begun(tmp_path, text.splitlines()[0], "--json")
    assert (status, last) == (0, "1 done before, 0 adopted, 0 run now, 0 failed; 2 in the journal are not in the file")
    assert json.loads(output.splitlines()[0])["state"] == "succeeded"
    assert sorted((tmp_path / "ran").read_text().split()) == ["a", "b", "b"]


def test_a_dry_run_launches_nothing(tmp_path: Path) -> None:
    text = lines(sh("exit 0", name="a"), sh("exit 3", name="b"))
    assert begun(tmp_path, text, "--dry-run")[:2] == (0, "2 would be run: j does not exist yet")
    assert not (tmp_path / "j").exists()
    begun(tmp_path, text)
    more = text + lines(sh("exit 0", name="c"))
    expected = "2 done before (1 of them failed), 0 would be followed, 1 would be run"
    assert begun(tmp_path, more, "--dry-run")[:2] == (0, expected)
    expected = "1 done before, 0 would be followed, 2 would be run"
    assert begun(tmp_path, more, "--dry-run", "--retry-failed")[:2] == (0, expected)


def test_the_journal_is_shown_as_a_table_names_and_json(tmp_path: Path) -> None:
    begun(tmp_path, lines(sh("exit 0", name="a"), sh("exit 3", name="b")), "--retries", "1")
    table = launchpad("journal", "j", cwd=tmp_path).stdout.splitlines()
    assert table[0].split() == ["name", "state", "attempts", "result", "exit", "seconds", "ended"]
    assert sorted(row.split()[:5] for row in table[1:-1]) == [
        ["a", "ended", "1", "completed", "0"],
        ["b", "ended", "2", "failed", "3"],
    ]
    assert table[-1] == "2 items: 1 succeeded, 1 failed, 0 not ended"
    assert launchpad("journal", "j", "--failed", cwd=tmp_path).stdout == "b\n"
    assert sorted((one["name"], one["outcome"]["exit_code"]) for one in shown(tmp_path)) == [("a", 0), ("b", 3)]


def test_the_journal_of_another_batch_is_refused_and_kept(tmp_path: Path) -> None:
    begun(tmp_path, lines(sh("exit 0", name="a")))
    before = (tmp_path / "j").read_bytes()
    status, last, _ = begun(tmp_path, lines(sh("exit 0", name="b")))
    assert status == 2
    assert "is the journal of another batch: none of its 1 items" in last
    assert launchpad("journal", "j", cwd=tmp_path).stdout.splitlines()[1].split()[0] == "a"
    assert len(before) == len((tmp_path / "j").read_bytes())


def test_options_of_a_journal_need_one(tmp_path: Path) -> None:
    assert "--dry-run needs --journal" in launchpad("batch", "-", "--dry-run").stderr
    missing = launchpad("journal", "none", cwd=tmp_path)
    assert (missing.returncode, "No such file or directory" in missing.stderr) == (125, True)


def test_what_a_killed_driver_left_running_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text(lines(sh("echo on; until [ -e go ]; do sleep 0.05; done; echo off", name="a")))
    with started("batch", file.name, "--journal", "j", cwd=tmp_path) as driver:
        assert driver.stdout.readline() == "a | on\n"
        until(lambda: next(read_entries(str(tmp_path / "j"))).state is State.STARTED)
        driver.signal(signal.SIGKILL)
        driver.status()
    with started("batch", file.name, "--journal", "j", cwd=tmp_path) as driver:
        assert driver.stdout.readline() == "a | on\n"
        (tmp_path / "go").touch()
        assert driver.status() == 0
        assert driver.stderr.read().splitlines()[-1] == "launchpad: 0 done before, 1 adopted, 0 run now, 0 failed"


def test_what_ctrl_c_has_stopped_is_run_again(tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    file.write_text(lines(sh("echo on; [ -e go ] || exec sleep 60", name="a")))
    with started("batch", file.name, "--journal", "j", cwd=tmp_path) as driver:
        assert driver.stdout.readline() == "a | on\n"
        driver.signal(signal.SIGINT)
        assert driver.status() == 130
        assert driver.stderr.read().splitlines()[-1] == "launchpad: 0 done before, 0 adopted, 1 run now, 0 failed"
    assert shown(tmp_path)[0]["outcome"]["reason"] == "stopped"
    (tmp_path / "go").touch()
    assert begun(tmp_path, file.read_text())[:2] == (0, "0 done before, 0 adopted, 1 run now, 0 failed")
