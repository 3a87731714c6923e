"""The lines that the runs of an executor print begin with the names of the runs."""

from __future__ import annotations

import pytest

from launchpad import LaunchExecutor, Run
from launchpad.core.backend import Chunk
from launchpad.live.text import name_of
from launchpad.testing import FakeBackend, FakeLauncher, Script

from .helping import executor_for, job

SPEAKING = Script(output=["one\ntwo", Chunk("stderr", b"three\n")])


def speaking(workers: int, prefix: bool | None = None) -> LaunchExecutor:
    return executor_for(SPEAKING, workers, prefix=prefix)


@pytest.mark.parametrize(("workers", "prefix"), [(2, None), (32, None), (1, True)])
def test_with_several_workers_every_printed_line_begins_with_the_name(
    workers: int, prefix: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with speaking(workers, prefix) as executor:
        executor.submit(job("a\nb"))
    assert capsys.readouterr() == ("a b | one\na b | two\n", "a b | three\n")


@pytest.mark.parametrize(("workers", "prefix"), [(1, None), (2, False)])
def test_with_one_worker_or_on_request_nothing_is_added(
    workers: int, prefix: bool | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with speaking(workers, prefix) as executor:
        executor.submit(job())
    assert capsys.readouterr() == ("one\ntwo\n", "three\n")


def test_on_output_gets_the_lines_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with speaking(4) as executor:
        executor.launch_all([job()], on_output=lambda run, line: lines.append(line))
    assert lines == ["one", "three", "two"]
    assert capsys.readouterr() == ("", "")


def test_output_that_is_not_streamed_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    launcher = FakeLauncher(FakeBackend(SPEAKING), stream_output=False)
    with launcher, LaunchExecutor(launcher, 4, prefix=True) as executor:
        executor.submit(job())
    assert capsys.readouterr() == ("", "")


def test_runs_of_one_name_are_numbered_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(2) as executor:
        futures = executor.launch_all([job("a"), job("b"), job("a")])
    assert [name_of(future) for future in futures] == ["a#1", "b", "a#2"]
    assert [future.run.name for future in futures] == ["a", "b", "a"]
    assert {line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()} == {"a#1", "b", "a#2"}


def test_each_executor_numbers_its_own_runs() -> None:
    with speaking(1) as one, speaking(1) as other:
        futures = [one.submit(job()), other.submit(job())]
    assert [name_of(future) for future in futures] == ["job", "job"]


def test_a_prefix_is_no_text() -> None:
    with pytest.raises(TypeError, match="prefix must be True, False or None, not str"):
        executor_for(SPEAKING, prefix="run: ")


def test_a_run_may_be_submitted_twice(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(command=["job"])
    with speaking(2) as executor:
        assert [name_of(future) for future in executor.launch_all([run, run])] == ["job#1", "job#2"]
