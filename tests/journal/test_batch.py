"""Batches that are begun again, on an engine in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launchpad import (
    EngineUnavailable,
    Journal,
    LaunchError,
    LaunchExecutor,
    Listed,
    Reason,
    Retry,
    Run,
)
from launchpad.testing import FakeBackend, FakeLauncher, Script

from ..helping import until
from .helping import as_after_a_kill, launched

GOES_ON = Script(exit_code=None)


def job(name: str) -> Run:
    return Run(command=["job"], name=name, env={"SECRET": "s3cret"})


def started(fake: FakeBackend) -> list[str]:
    return sorted(run.run.name for run in fake.runs)


def test_what_has_ended_is_not_launched_again(tmp_path: Path) -> None:
    fake = FakeBackend({"bad": Script(exit_code=3)})
    first, _ = launched(fake, tmp_path / "journal", [job("good"), job("bad")])
    second, journal = launched(fake, tmp_path / "journal", [job("good"), job("bad")])
    assert started(fake) == ["bad", "good"]
    assert [future.outcome for future in second] == [future.outcome for future in first]
    assert [future.handle for future in second] == [future.handle for future in first]
    assert journal.counts == {"known": 2, "done": 2}


def test_what_has_failed_is_launched_again_if_that_is_wanted(tmp_path: Path) -> None:
    fake = FakeBackend(lambda run: Script(exit_code=int(len(fake.runs) < 1)))
    launched(fake, tmp_path / "journal", [job("bad")])
    [future], journal = launched(fake, tmp_path / "journal", [job("bad")], retry_failed=True)
    assert future.result(0)
    assert journal.counts == {"known": 1, "run": 1}
    [future], _ = launched(fake, tmp_path / "journal", [job("bad")], retry_failed=True)
    assert len(fake.runs) == 2


def test_edited_and_new_items_are_launched_and_missing_ones_counted(tmp_path: Path) -> None:
    fake = FakeBackend()
    launched(fake, tmp_path / "journal", [job("a"), job("b"), job("b")])
    _, journal = launched(fake, tmp_path / "journal", [job("b"), job("c")])
    assert started(fake) == ["a", "b", "b", "c"]
    assert journal.counts == {"known": 1, "done": 1, "run": 1, "missing": 2}


def test_known_items_that_were_not_reached_are_not_missing(tmp_path: Path) -> None:
    launched(FakeBackend(), tmp_path / "journal", [job("a"), job("b")])
    with Journal(tmp_path / "journal") as journal, FakeLauncher() as launcher:
        journal.prepare([(job("a"), launcher), (job("b"), launcher), (job("c"), launcher)], launcher, skip=False)
        journal.item(job("a"), launcher)
        assert journal.counts == {"known": 2}


def test_a_run_whose_driver_was_killed_is_followed_by_its_handle(tmp_path: Path) -> None:
    fake = FakeBackend({"long": GOES_ON})
    journal = Journal(tmp_path / "journal")
    with journal, LaunchExecutor(FakeLauncher(fake), journal=journal) as executor:
        future = executor.submit(job("long"))
        handle = future.wait_started(20)
        assert executor.submit(job("later")).result(20)  # its entry is written after that of the handle
        copy = as_after_a_kill(tmp_path / "journal", tmp_path / "copy")
        run, again = job("long"), Journal(copy)
        with LaunchExecutor(FakeLauncher(fake), journal=again) as second:
            adopted = second.submit(run)
            assert adopted.wait_started(20) == handle
            fake.finish("long")
            assert adopted.result(20)
        assert adopted.run is run
        assert handle.run_id == future.run.id != run.id
    assert again.counts == {"known": 1, "adopted": 1, "missing": 1}
    assert started(fake) == ["later", "long"]


def test_a_run_whose_handle_was_not_written_is_found_by_its_id(tmp_path: Path) -> None:
    copies: list[Path] = []

    def copy(_: object) -> None:
        copies.append(as_after_a_kill(tmp_path / "journal", tmp_path / "copy"))

    fake = FakeBackend({"job": Script(before_start=copy)})
    launched(fake, tmp_path / "journal", [job("job")])
    [future], journal = launched(fake, copies[0], [job("job")])
    assert future.result(0)
    assert journal.counts == {"known": 1, "adopted": 1}
    assert len(fake.runs) == 1


def test_a_run_that_was_never_created_is_created_with_the_id_of_its_intent(tmp_path: Path) -> None:
    copies: list[Path] = []

    def copy(_: object) -> None:
        copies.append(as_after_a_kill(tmp_path / "journal", tmp_path / "copy"))

    first, second = FakeBackend({"job": Script(before_start=copy)}), FakeBackend()
    launched(first, tmp_path / "journal", [job("job")])
    [future], journal = launched(second, copies[0], [job("job")])
    assert future.result(0)
    assert journal.counts == {"known": 1, "run": 1}
    assert second.runs[0].handle.run_id == first.runs[0].handle.run_id


def test_a_run_that_was_removed_meanwhile_has_vanished(tmp_path: Path) -> None:
    fake, copies = FakeBackend({"long": GOES_ON}), list[Path]()
    journal = Journal(tmp_path / "journal")
    with LaunchExecutor(FakeLauncher(fake), journal=journal) as executor:
        executor.submit(job("long")).wait_started(20)
        assert executor.submit(job("later")).result(20)
        copies.append(as_after_a_kill(tmp_path / "journal", tmp_path / "copy"))
        fake.finish("long")
    [future], _ = launched(FakeBackend(), copies[0], [job("long")])
    assert future.outcome is not None
    assert future.outcome.reason is Reason.VANISHED
    assert not future.result(0)


def test_what_was_stopped_is_launched_again(tmp_path: Path) -> None:
    fake = FakeBackend(GOES_ON)
    with LaunchExecutor(FakeLauncher(fake), 1, journal=Journal(tmp_path / "journal")) as executor:
        executor.submit(job("running")).wait_started(20)
        executor.submit(job("queued"))
        executor.stop()
    _, journal = launched(FakeBackend(), tmp_path / "journal", [job("running"), job("queued")])
    assert journal.counts == {"known": 1, "run": 2}


def test_what_could_not_be_launched_is_launched_again(tmp_path: Path) -> None:
    refused = FakeBackend(Script(refusals=[LaunchError("No.")]))
    [future], _ = launched(refused, tmp_path / "journal", [job("job")])
    with pytest.raises(LaunchError, match="No"):
        future.result(0)
    [future], journal = launched(FakeBackend(), tmp_path / "journal", [job("job")])
    assert future.result(0)
    assert journal.counts == {"known": 1, "run": 1}


def test_a_run_whose_engine_was_lost_is_followed_again(tmp_path: Path) -> None:
    fake = FakeBackend(GOES_ON, longest_outage=0.0)
    with LaunchExecutor(FakeLauncher(fake), journal=Journal(tmp_path / "journal")) as executor:
        lost = executor.submit(job("job"))
        lost.wait_started(20)
        fake.go_away()
        with pytest.raises(EngineUnavailable):
            lost.result(20)
    fake.come_back()
    fake.finish("job")
    [future], journal = launched(fake, tmp_path / "journal", [job("job")])
    assert future.result(0)
    assert journal.counts == {"known": 1, "adopted": 1}


def test_no_run_is_launched_with_a_journal_that_was_closed(tmp_path: Path) -> None:
    fake, journal = FakeBackend(), Journal(tmp_path / "journal")
    with LaunchExecutor(FakeLauncher(fake), journal=journal) as executor:
        journal.close()
        with pytest.raises(RuntimeError, match="is not open"):
            executor.submit(job("job"))
    assert not fake.runs


def test_no_value_of_the_environment_is_in_the_file(tmp_path: Path) -> None:
    runs = [job("a"), Run(entrypoint="m:f", parameters={"token": "s3cret"}, env={"X": "s3cret"})]
    launched(FakeBackend(), tmp_path / "journal", runs)
    assert b"s3cret" not in (tmp_path / "journal").read_bytes()
    assert b"m:f" not in (tmp_path / "journal").read_bytes()


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    for path in (None, "", 3, "a\0b"):
        with pytest.raises(ValueError, match="journal"):
            Journal(path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="retry_failed must be True or False"):
        Journal("journal", retry_failed="yes")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="journal must be a Journal, not str"):
        LaunchExecutor(FakeLauncher(), journal="journal")  # type: ignore[arg-type]
    with pytest.raises(LaunchError, match="Is a directory"):
        LaunchExecutor(FakeLauncher(), journal=Journal(tmp_path))


def test_the_attempts_of_a_retry_are_one_item(tmp_path: Path) -> None:
    fake = FakeBackend(lambda run: Script(exit_code=int(len(fake.runs) < 2)))
    options: dict[str, Any] = {"journal": Journal(tmp_path / "journal"), "retry": Retry(5)}
    with LaunchExecutor(FakeLauncher(fake), **options) as executor:
        first = executor.submit(job("job"))
    with LaunchExecutor(FakeLauncher(fake), **options) as executor:
        second = executor.submit(job("job"))
    assert [outcome.ok for outcome in first.attempts] == [False, False, True]
    assert second.attempts == first.attempts
    assert len(fake.runs) == 3


def test_attempts_before_a_kill_count(tmp_path: Path) -> None:
    fake, copies = FakeBackend(Script(exit_code=1)), list[Path]()

    def copy_at_the_second(_: object) -> None:
        if len(fake.runs) == 1:
            copies.append(as_after_a_kill(tmp_path / "journal", tmp_path / "copy"))

    fake = FakeBackend(Script(exit_code=1, before_start=copy_at_the_second))
    with LaunchExecutor(FakeLauncher(fake), retry=Retry(2), journal=Journal(tmp_path / "journal")) as executor:
        executor.submit(job("job"))
    fake = FakeBackend(Script(exit_code=1))
    with LaunchExecutor(FakeLauncher(fake), retry=Retry(3), journal=Journal(copies[0])) as executor:
        future = executor.submit(job("job"))
    assert [outcome.attempt for outcome in future.attempts] == [1, 2, 3]
    assert len(fake.runs) == 2


def test_what_was_stopped_with_a_retry_is_launched_again(tmp_path: Path) -> None:
    with LaunchExecutor(
        FakeLauncher(FakeBackend(GOES_ON)), retry=Retry(2), journal=Journal(tmp_path / "j")
    ) as executor:
        executor.submit(job("job")).wait_started(20)
        executor.stop()
    with LaunchExecutor(FakeLauncher(), retry=Retry(2), journal=Journal(tmp_path / "j")) as executor:
        assert executor.submit(job("job")).result(20)


def test_a_stop_during_a_pause_leaves_the_item_to_its_retry(tmp_path: Path) -> None:
    fake = FakeBackend(Script(exit_code=1))
    with LaunchExecutor(
        FakeLauncher(fake), retry=Retry(2, wait=600), journal=Journal(tmp_path / "journal")
    ) as executor:
        future = executor.submit(job("job"))
        until(lambda: future.attempts)
        executor.stop()
    with LaunchExecutor(FakeLauncher(fake), retry=Retry(2), journal=Journal(tmp_path / "journal")) as executor:
        future = executor.submit(job("job"))
    assert [outcome.reason for outcome in future.attempts] == [Reason.FAILED, Reason.FAILED]


def test_a_run_that_is_being_started_by_a_dead_process_is_waited_for(tmp_path: Path) -> None:
    copies: list[Path] = []

    class Slow(FakeBackend):
        """A run of a dead process is listed at the third look only."""

        looks = 0

        def starting(self) -> set[str]:
            Slow.looks += 1
            return {self.runs[0].run.id} if Slow.looks < 3 else set()

        def list_runs(self) -> list[Listed]:
            return super().list_runs() if Slow.looks == 3 else []

    fake = Slow(Script(before_start=lambda _: copies.append(as_after_a_kill(tmp_path / "j", tmp_path / "copy"))))
    launched(fake, tmp_path / "j", [job("job")])
    [future], journal = launched(fake, copies[0], [job("job")])
    assert future.result(0)
    assert journal.counts == {"known": 1, "adopted": 1}
    assert (len(fake.runs), Slow.looks) == (1, 3)
