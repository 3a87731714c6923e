"""The files that the output of runs goes to."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import pytest

from launchpad import Handle, LaunchError
from launchpad.core.output_files import Log, OutputFolder

HANDLE = Handle("fake", "1", "n", "here", "id")


def log_of(folder: OutputFolder, name: str, number: int = 1) -> Log:
    return folder.log_of(name, number)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("train", "007-train.log"),
        ("../../etc/passwd", "007-etc-passwd.log"),
        ("a/b", "007-a-b.log"),
        ("日本", "007-Ri-Ben.log"),
        ("🦀", "007.log"),
        ("..", "007.log"),
        ("x" * 300, f"007-{'x' * 100}.log"),
    ],
)
def test_a_file_name_has_the_number_and_a_slug_of_the_name(name: str, file: str, tmp_path: Path) -> None:
    log = log_of(OutputFolder(tmp_path, 100), name, 7)
    log.open(HANDLE)
    log.close(Future())
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_lines_are_in_the_file_as_soon_as_they_are_written(tmp_path: Path) -> None:
    log = log_of(OutputFolder(tmp_path, 1), "n")
    log.open(HANDLE)
    log.write("stdout", ["zażółć", "b"])
    assert log.path is not None
    assert log.path.read_text("utf-8") == "zażółć\nb\n"
    log.close(Future())


def test_there_is_no_file_for_a_run_that_has_not_started(tmp_path: Path) -> None:
    log = log_of(OutputFolder(tmp_path, 1), "n")
    log.close(Future())
    assert (log.path, list(tmp_path.iterdir())) == (None, [])


def test_a_file_that_cannot_be_made_is_a_launch_error(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "logs", 1)
    (tmp_path / "logs").rmdir()
    with pytest.raises(LaunchError, match="Stopped: the file for its output cannot be created"):
        log_of(folder, "n").open(HANDLE)


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    for _ in range(5):
        log = log_of(OutputFolder(tmp_path, 1), "n")
        log.open(HANDLE)
        log.close(Future())
    assert len({path.name for path in tmp_path.iterdir()} & {"1-n.log", "1-n-1.log", "1-n-2.log"}) == 3
    assert len(list(tmp_path.iterdir())) == 5


def test_numbers_are_given_in_order_and_equally_long_for_those_that_are_expected(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    first = folder.log_of("a")
    folder.expect(10)
    logs = [first, *(folder.log_of("b") for _ in range(10))]
    for log in logs:
        log.open(HANDLE)
        log.open(HANDLE)  # for the second attempt of a run
        log.close()
    assert [log.path.name for log in logs if log.path] == ["1-a.log", *(f"{n:02}-b.log" for n in range(2, 12))]
