"""What `launchpad.engine` reports, and what is accepted of what comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from launchpad import RunError, engine
from launchpad.engine import error_report, value_report
from launchpad.results import MAX_REPORT, NOT_WRITTEN, Result, decode
from launchpad.subprocess.results import read_report

LIMIT = 4096


def report(content: bytes) -> bytes:
    return b"launchpad %d\n%b" % (len(content), content)


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        (None, None),
        ((1, [2.5, (True,)]), [1, [2.5, [True]]]),
        ({1: "a", None: {}}, {"1": "a", "null": {}}),
        ("größe € 𝄞 \u2028 \x00 \udc80", "größe € 𝄞 \u2028 \x00 \udc80"),
        (10**400, 10**400),
    ],
)
def test_a_value_comes_back_as_json_holds_it(returned: Any, value: Any) -> None:
    assert decode(value_report(returned, LIMIT)) == Result(value=value)


@pytest.mark.parametrize("returned", [float("nan"), float("inf"), object(), b"x", {1}, Path("x"), {(1,): 2}, 1j])
def test_what_json_cannot_hold_is_explained(returned: Any) -> None:
    result = decode(value_report(returned, LIMIT))
    assert result.value is None
    assert result.value_error.startswith("The function returned what JSON cannot hold (")


def test_a_value_that_is_too_large_or_too_deep_or_contains_itself_is_explained() -> None:
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    ring: list[Any] = []
    ring.append(ring)
    errors = [decode(value_report(value, LIMIT)).value_error for value in ("x" * LIMIT, deep, ring, {1: 0, "1": 0})]
    named = ["at most 4096", "100 levels", "Circular", "'1' occurs twice"]
    assert [
        name for name, error in zip(named, errors, strict=True) if name not in error.replace("key 1", "key '1'")
    ] == []


def test_an_error_comes_back_and_its_traceback_is_shortened_to_fit() -> None:
    error = decode(error_report("m.Error", "why", "first\n" + "€" * 9000 + "\nlast", LIMIT)).error
    assert error == RunError("m.Error", "why", error.traceback if error else "")
    assert error is not None
    assert error.traceback.startswith("…")
    assert error.traceback.endswith("\nlast")
    whole = error_report("m.Error", "\x00" * 9000, "gone", LIMIT)
    assert len(whole) <= LIMIT
    assert decode(whole).error is not None


@pytest.mark.parametrize("whole", [value_report({"value": [1, "}"]}, LIMIT), error_report("E", "{", "}", LIMIT)])
def test_a_report_that_is_cut_off_anywhere_is_never_a_result(whole: bytes) -> None:
    cuts = [whole[at:] for at in range(1, len(whole))] + [whole[:-at] for at in range(1, len(whole))]
    assert [cut for cut in cuts if decode(cut)[:2] != (None, None) or not decode(cut).value_error] == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1",
        b"[1]",
        b"{}",
        b'{"value":1,"more":2}',
        b'{"value":1,"value":1}',
        b'{"value":{"a":1,"a":1}}',
        b'{"value":NaN}',
        b'{"value":-Infinity}',
        b'{"value":1e999}',
        b'{"value":"\xff"}',
        b'{"value":1' + b"0" * 5000 + b"}",
        b'{"value":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"value":' + b'{"a":' * 100_000,
        b'{"value_error":1}',
        b'{"error":"text"}',
        b'{"error":{"type":"E","message":1,"traceback":""}}',
    ],
)
def test_anything_else_is_explained(content: bytes) -> None:
    result = decode(report(content))
    assert result[:2] == (None, None)
    assert result.value_error.startswith("The result of the run cannot be used: ")


def test_a_report_above_the_limit_is_not_parsed() -> None:
    assert "more than" in decode(report(b'{"value":"' + b"x" * MAX_REPORT + b'"}')).value_error


def test_the_reason_why_there_is_no_report_is_the_value_error() -> None:
    assert decode("why") == Result(value_error="why")
    assert decode(None) == Result()


class TestWriting:
    def run(self, folder: Path, source: str, *paths: str) -> int:
        (folder / "tasks.py").write_text(source)
        place = "\n".join([str(LIMIT), *(paths or ["result"])])
        command = [sys.executable, "-I", "-S", engine.__file__, "tasks.py:main"]
        environ = {**os.environ, "LAUNCHPAD_RESULT": place}
        return subprocess.run(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL, timeout=60).returncode

    def result(self, folder: Path) -> Result:
        found = folder / "result"
        return decode(found.read_bytes() if found.exists() else "none")

    def test_an_exception_is_reported_with_its_traceback_without_our_frames(self, tmp_path: Path) -> None:
        source = "class Odd(Exception):\n def __str__(self): raise SystemExit(0)\ndef main(): raise Odd"
        assert self.run(tmp_path, source) == 1
        error = self.result(tmp_path).error
        assert error is not None
        assert (error.type, error.message) == ("tasks.Odd", "")
        assert (error.traceback.count("File "), "engine.py" in error.traceback) == (1, False)

    @pytest.mark.parametrize(
        ("end", "result"),
        [
            ("raise SystemExit(0)", Result()),
            ("os._exit(0)", Result(value_error="none")),
            ("return os.fork() and (os.wait(), 'parent')[1]", Result(value="parent")),
            ("os.fork() and os.wait(); return sorted(os.environ.keys() & {'LAUNCHPAD_RESULT'})", Result(value=[])),
        ],
    )
    def test_only_the_process_that_called_the_function_reports_its_end(
        self, tmp_path: Path, end: str, result: Result
    ) -> None:
        assert self.run(tmp_path, f"import os\ndef main():\n    {end}") == 0
        assert self.result(tmp_path) == result

    def test_the_first_path_that_can_be_written_is_used(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, "def main(): return 1", "missing/result", "result", "second") == 0
        assert self.result(tmp_path).value == 1
        assert not (tmp_path / "second").exists()

    def test_a_function_succeeds_without_a_place_for_its_result(self, tmp_path: Path) -> None:
        assert self.run(tmp_path, "def main(): return 1", "missing/result") == 0

    def test_an_older_result_is_removed_before_the_function_is_called(self, tmp_path: Path) -> None:
        (tmp_path / "result").write_bytes(value_report("older", LIMIT))
        self.run(tmp_path, "import os\ndef main(): os.kill(os.getpid(), 9)")
        assert self.result(tmp_path) == Result(value_error="none")


class TestReadingAFile:
    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/etc/passwd", path)])
    def test_only_a_regular_file_is_read(self, tmp_path: Path, make: Any) -> None:
        make(tmp_path / "result")
        found = read_report(tmp_path / "result")
        assert isinstance(found, str)
        assert found != NOT_WRITTEN

    def test_a_huge_file_is_not_read_whole(self, tmp_path: Path) -> None:
        with open(tmp_path / "result", "wb") as file:
            file.truncate(5 * 1024**3)
        assert len(read_report(tmp_path / "result")) == MAX_REPORT + 1

    def test_no_file_and_an_empty_one_are_no_result(self, tmp_path: Path) -> None:
        assert read_report(tmp_path / "result") == NOT_WRITTEN
        (tmp_path / "result").touch()
        assert read_report(tmp_path / "result") == NOT_WRITTEN


def test_engine_reports_are_json_after_their_length() -> None:
    head, _, content = value_report([1], LIMIT).partition(b"\n")
    assert (head, json.loads(content)) == (b"launchpad 14", {"value": [1]})
