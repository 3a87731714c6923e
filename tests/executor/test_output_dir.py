"""`output_dir`: a file with the output of each run."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from launchpad import LaunchExecutor, Reason, Retry, Run, SubprocessLauncher
from launchpad.core.backend import Chunk
from launchpad.testing import FakeBackend, FakeLauncher, Script

from .helping import STUBBORN, executor_for, job

TALKING = Script(exit_code=3, output=[Chunk("stdout", b"one\ntwo"), Chunk("stderr", b"three\n")])


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_each_run_has_a_file_and_its_outcome_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "logs"
    with executor_for(TALKING, output_dir=folder) as executor:
        futures = executor.launch_all([job("a/b"), job("c")])
    assert sorted(files(folder)) == ["1-a-b.log", "2-c.log"]
    assert [sorted(text.split()) for text in files(folder).values()] == [["one", "three", "two"]] * 2
    assert [future.outcome.log for future in futures] == [f"{folder}/1-a-b.log", f"{folder}/2-c.log"]


@pytest.mark.parametrize("stream_output", [True, False])
def test_lines_go_to_the_file_and_where_they_went_before(
    stream_output: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []
    launcher = FakeLauncher(FakeBackend(TALKING), stream_output=stream_output)
    with LaunchExecutor(launcher, 2, output_dir=tmp_path) as executor:
        executor.submit(job("printed")).exception(60)
        future = executor.submit(job("kept"), on_output=lambda run, line: lines.append(line))
    assert (sorted(lines), sorted(future.outcome.tail)) == (["one", "three", "two"], ["one", "three", "two"])
    assert set(files(tmp_path)) == {"1-printed.log", "2-kept.log"}
    assert capfd.readouterr().out.splitlines() == (["printed | one", "printed | two"] if stream_output else [])


def test_a_run_that_has_not_started_has_no_file(tmp_path: Path) -> None:
    with executor_for(STUBBORN, 1, output_dir=tmp_path, grace=0.01) as executor:
        first, queued = executor.submit(job("first")), executor.submit(job("queued"))
        first.wait_started(60)
        executor.stop()
    assert [future.outcome.log for future in (first, queued)] == [f"{tmp_path}/1-first.log", None]
    assert list(files(tmp_path)) == ["1-first.log"]


def test_all_attempts_of_a_run_go_to_one_file(tmp_path: Path) -> None:
    with executor_for(TALKING, 1, output_dir=tmp_path, retry=Retry(2)) as executor:
        future = executor.submit(job("a"))
    assert sorted(files(tmp_path)["1-a.log"].split()) == ["one", "one", "three", "three", "two", "two"]
    assert [outcome.log for outcome in future.attempts] == [f"{tmp_path}/1-a.log"] * 2


def test_a_file_that_cannot_be_created_stops_the_run_and_says_why(tmp_path: Path) -> None:
    with executor_for(STUBBORN, 1, output_dir=tmp_path / "logs", grace=0.01) as executor:
        (tmp_path / "logs").rmdir()
        future = executor.submit(job())
        assert re.search("the file for its output cannot be created", str(future.exception(60)))
    with pytest.raises(FileExistsError):
        executor_for(STUBBORN, 1, output_dir=Path(__file__))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_loses_lines_of_the_file_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []

    def fill(handle: object) -> None:
        (log,) = tmp_path.iterdir()
        full = os.open("/dev/full", os.O_WRONLY)
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # another thread has closed it
                if os.readlink(link) == str(log):
                    os.dup2(full, int(link.name))
        os.close(full)

    run = Run(command=["sh", "-c", "echo one; echo two"])
    with LaunchExecutor(SubprocessLauncher(), 1, output_dir=tmp_path) as executor:
        future = executor.submit(run, on_start=fill, on_output=lambda run, line: lines.append(line))
    assert (future.outcome.reason, lines, future.outcome.tail) == (Reason.COMPLETED, ["one", "two"], ("one", "two"))
    assert [record.message for record in caplog.records if "No space left" in record.message] == [
        "Output of run 'sh' cannot be passed on in full: OSError: [Errno 28] No space left on device"
    ]
