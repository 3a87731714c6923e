"""The input of runs: it arrives whole, and what is not read does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from launchpad import Launcher, LaunchError, LaunchExecutor, Reason
from launchpad.stdin import MAX_STDIN
from tests.helping import RecordedLines, lines_of

from .conftest import Start
from .harness import CopyInput, End, Harness, UntilStopped, Write

needs_stdin = pytest.mark.needs("stdin")

LARGEST = "0123456789abcde\n".rjust(1024, "x") * (MAX_STDIN // 1024)
"""More than the pipes and the connections to a run hold."""


@needs_stdin
@pytest.mark.parametrize("stdin", ["one\ngrüße\n", b"one\ngr\xc3\xbc\xc3\x9fe"], ids=["text", "bytes"])
def test_a_run_reads_its_input_to_the_end(harness: Harness, launcher: Launcher, stdin: str | bytes) -> None:
    program = [CopyInput(), Write(b"end\n")] if isinstance(stdin, str) else [CopyInput()]
    lines = lines_of(launcher, harness.run(program, stdin=stdin))
    assert lines == ["one", "grüße", "end"][: len(program) + 1]


@needs_stdin
def test_a_run_reads_a_file_of_this_machine(harness: Harness, launcher: Launcher, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("from a file\n")
    assert lines_of(launcher, harness.run([CopyInput()], stdin=tmp_path / "input")) == ["from a file"]


@needs_stdin
def test_a_run_without_input_or_with_an_empty_one_reads_nothing(harness: Harness, launcher: Launcher) -> None:
    for stdin in (None, ""):
        assert lines_of(launcher, harness.run([CopyInput(), Write(b"end\n")], stdin=stdin)) == ["end"]


@needs_stdin
def test_a_run_may_write_all_its_output_while_it_reads(harness: Harness, launcher: Launcher) -> None:
    assert "".join(f"{line}\n" for line in lines_of(launcher, harness.run([CopyInput()], stdin=LARGEST))) == LARGEST


@needs_stdin
def test_a_run_need_not_read_its_input(harness: Harness, launcher: Launcher) -> None:
    outcome = launcher.launch(harness.run([End(3)], stdin=LARGEST))
    assert (outcome.exit_code, outcome.reason) == (3, Reason.FAILED)
    assert lines_of(launcher, harness.run([CopyInput(lines=1), Write(b"end\n")], stdin=LARGEST))[-1] == "end"


@needs_stdin
def test_a_time_out_and_a_cancellation_do_not_wait_for_the_input(harness: Harness, launcher: Launcher) -> None:
    limited = harness.run([UntilStopped()], stdin=LARGEST, timeout=0.5)
    assert launcher.launch(limited).reason is Reason.TIMED_OUT
    with LaunchExecutor(launcher) as executor:
        future = executor.submit(harness.run([UntilStopped()], stdin=LARGEST))
        future.wait_started(60)
        assert future.cancel()
    assert future.cancelled()


@needs_stdin
def test_a_run_that_is_only_started_reads_its_input(harness: Harness, launcher: Launcher, start: Start) -> None:
    recorded = RecordedLines()
    handle = start(harness.run([CopyInput()], stdin=LARGEST))
    assert launcher.wait(handle, on_output=recorded).ok
    assert recorded.lines == LARGEST.splitlines()


@needs_stdin
def test_a_file_that_does_not_exist_is_named_and_nothing_is_left(harness: Harness, launcher: Launcher) -> None:
    run = harness.run([], stdin=Path("/nonexistent/input"))
    for launch in (launcher.submit, launcher.start):
        with pytest.raises(LaunchError, match="'/nonexistent/input', does not exist"):
            launch(run)
    assert harness.leftovers() == []


@needs_stdin
def test_a_preview_shows_input_only_on_request(harness: Harness, launcher: Launcher) -> None:
    run = harness.run([CopyInput()], stdin="from-the-user")
    assert "from-the-user" not in launcher.preview(run)
    assert "from-the-user" in launcher.preview(run, reveal=True)
    assert "from-the-user" not in repr(run)


def test_a_launcher_that_cannot_give_input_says_what_to_do(harness: Harness, launcher: Launcher) -> None:
    if "stdin" not in harness.cannot:
        pytest.skip(f"{harness.name}: its runs have input")
    for use in (launcher.submit, launcher.start, launcher.preview):
        with pytest.raises(LaunchError, match="cannot give run 'conformance' a standard input: put it in"):
            use(harness.run([], stdin="text"))
