"""The file for the result of a local run."""

from __future__ import annotations

from pathlib import Path

from launchpad.engine import RESULT_VARIABLE
from launchpad.results import NOT_WRITTEN
from launchpad.subprocess.results import ResultFile


def test_without_a_folder_for_the_result_the_run_gets_no_file_and_its_value_is_explained(tmp_path: Path) -> None:
    file = ResultFile("json:loads", str(tmp_path / "missing"))
    assert file.environment == {}
    assert "set TMPDIR" in str(file.take())


def test_whatever_a_run_has_put_in_the_folder_of_its_result_is_removed(tmp_path: Path) -> None:
    file = ResultFile("json:loads", str(tmp_path))
    path = Path(file.environment[RESULT_VARIABLE].splitlines()[1])
    path.mkdir()
    (path / "other").touch()
    assert "something else" in str(file.take())
    assert list(tmp_path.iterdir()) == []
    assert file.take() == NOT_WRITTEN
