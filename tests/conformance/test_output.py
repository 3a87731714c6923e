"""Output: every line is whole and in order, whatever the sink does."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest

from launchpad import Launcher, LaunchExecutor, Reason, Run
from tests.helping import RecordedLines, lines_of

from .harness import End, Harness, Repeat, Write
from .helping import LONG


def test_lines_come_in_order_without_their_ends(harness: Harness, launcher: Launcher) -> None:
    lines = [f"line {number}" for number in range(200)]
    assert lines_of(launcher, harness.run([Write("\n".join(lines).encode() + b"\n")])) == lines


def test_the_run_is_given_with_each_line(harness: Harness, launcher: Launcher) -> None:
    run, recorded = harness.run([Write(b"one\ntwo\n")]), RecordedLines()
    launcher.submit(run, on_output=recorded)
    assert [given is run for given in recorded.runs] == [True, True]


def test_a_last_line_without_an_end_is_not_lost(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write(b"one\ntwo")])) == ["one", "two"]


def test_a_failing_run_keeps_its_output(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write(b"why\n"), End(1)])) == ["why"]


def test_the_output_of_very_short_runs_is_complete(harness: Harness, launcher: Launcher) -> None:
    runs = [harness.run([Write(f"only {number}".encode())]) for number in range(min(harness.many, 30))]
    assert [lines_of(launcher, run) for run in runs] == [[f"only {number}"] for number in range(len(runs))]


def test_empty_lines_are_lines(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write(b"\n\na\n\n")])) == ["", "", "a", ""]


def test_only_a_newline_ends_a_line_with_or_without_a_return(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write("a\r\nb\rc\x0bd\x85e\u2028f\n".encode())])) == [
        "a",
        "b\rc\x0bd\x85e\u2028f",
    ]


def test_a_character_split_over_two_writes_is_one(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write(b"gr\xc3"), Write(b"\xbc\xc3\x9fe\n")])) == ["grüße"]


def test_bytes_that_are_not_utf_8_are_replaced(harness: Harness, launcher: Launcher) -> None:
    assert lines_of(launcher, harness.run([Write(b"a\xffb\n")])) == ["a\N{REPLACEMENT CHARACTER}b"]


def test_a_long_line_is_not_cut(harness: Harness, launcher: Launcher) -> None:
    program = [Write(b"x"), Repeat(harness.long_line, 30_000), Write(b"\nend\n")]
    assert lines_of(launcher, harness.run(program)) == ["x" + harness.long_line * 30_000, "end"]


def test_a_large_output_is_complete(harness: Harness, launcher: Launcher) -> None:
    lines = lines_of(launcher, harness.run([Repeat("0123456789\n", 50_000)]))
    assert (len(lines), set(lines)) == (50_000, {"0123456789"})


def test_stdout_and_stderr_each_keep_their_order(harness: Harness, launcher: Launcher) -> None:
    program = [Write(b"o1\n"), Write(b"e1\n", "stderr"), Write(b"o2\n"), Write(b"e2\n", "stderr")]
    lines = lines_of(launcher, harness.run(program))
    assert [line for line in lines if line[0] == "o"] == ["o1", "o2"]
    assert [line for line in lines if line[0] == "e"] == ["e1", "e2"]


def test_stdout_and_stderr_are_printed_to_their_own_streams(
    harness: Harness, launcher: Launcher, capsys: pytest.CaptureFixture[str]
) -> None:
    launcher.submit(harness.run([Write(b"out\n"), Write(b"err\n", "stderr")]))
    screen = capsys.readouterr()
    if harness.stderr_apart:
        assert (screen.out, screen.err) == ("out\n", "err\n")
    else:
        assert sorted((screen.out + screen.err).splitlines()) == ["err", "out"]


def test_on_output_replaces_printing(harness: Harness, launcher: Launcher, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines_of(launcher, harness.run([Write(b"out\n")])) == ["out"]
    assert capsys.readouterr().out == ""


def test_without_stream_output_nothing_is_printed_and_on_output_works(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    with harness.launcher(stream_output=False) as quiet:
        assert quiet.submit(harness.run([Write(b"out\n")]))
        assert lines_of(quiet, harness.run([Write(b"out\n")])) == ["out"]
    assert capsys.readouterr().out == ""


def test_lines_of_concurrent_runs_are_not_mixed(
    harness: Harness, launcher: Launcher, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = "abcdefgh"[: harness.many]
    runs = [harness.run([Write((letter * 300 + "\n").encode()) for _ in range(20)]) for letter in letters]
    with LaunchExecutor(launcher, prefix=False) as executor:
        futures = executor.launch_all(runs)
    assert all(future.result() for future in futures)
    assert sorted(capsys.readouterr().out.splitlines()) == sorted(letter * 300 for letter in letters for _ in range(20))


def test_on_output_is_called_by_one_thread_at_a_time(harness: Harness, launcher: Launcher) -> None:
    threads: set[int] = set()
    program = [Write(b"out\n", stream) for stream in ("stdout", "stderr") for _ in range(20)]
    launcher.submit(harness.run(program), on_output=lambda run, line: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


def test_a_sink_that_raises_gets_every_line_and_causes_one_warning(
    harness: Harness, launcher: Launcher, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[str] = []

    def broken(run: Run, line: str) -> None:
        lines.append(line)
        raise OSError("disk full")

    with caplog.at_level(logging.WARNING, "launchpad"):
        assert launcher.submit(harness.run([Write(b"one\n"), Write(b"two\nthree\n")]), on_output=broken)
    assert lines == ["one", "two", "three"]
    assert ["disk full" in record.getMessage() for record in caplog.records] == [True]


def test_a_sink_that_raises_does_not_hide_a_failure(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([Write(b"one\n"), End(4)]), on_output=lambda run, line: 1 / 0)
    assert (outcome.exit_code, outcome.reason) == (4, Reason.FAILED)


def test_the_outcome_has_the_last_lines_the_seconds_and_the_path_of_the_file(
    harness: Harness, launcher: Launcher, tmp_path: Path
) -> None:
    lines = [f"line {number}" for number in range(30)]
    run = harness.run([Write("\n".join(lines).encode() + b"\n"), End(3)])
    with LaunchExecutor(launcher, 1, output_dir=tmp_path) as executor:
        future = executor.submit(run)
    facts = future.outcome.to_dict()
    assert (facts["exit_code"], facts["tail"]) == (3, lines[-20:])
    assert Path(facts["log"]).read_text().splitlines() == lines
    assert 0 <= facts["seconds"] < LONG
    assert json.loads(json.dumps(facts)) == facts
