"""`list_runs`, `logs` and `reap`: runs of other processes are found, and removed when their starters are gone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from launchpad import Handle, Launcher, LaunchError, Listed, Reason, RunNotFound
from tests.helping import eventually, in_thread

from .conftest import Start
from .harness import End, Harness, Say, UntilStopped
from .helping import LONG

pytestmark = pytest.mark.needs("list_runs")


@pytest.fixture
def housekeeper(harness: Harness, launcher: Launcher) -> Iterator[Launcher]:
    """The launcher, for which there are no runs but those with the mark: others use the engine at the same time."""
    cls = type(launcher)
    mark = harness.mark

    def list_runs(self: Launcher) -> list[Listed]:
        return [run for run in cls.list_runs(self) if run.name == mark]

    marked = type("Marked", (cls,), {"__slots__": (), "list_runs": list_runs})
    with marked(**{one.name: getattr(launcher, one.name) for one in attrs.fields(cls) if one.init}) as housekeeper:
        yield housekeeper


@pytest.fixture
def orphan(harness: Harness, housekeeper: Launcher) -> Iterator[Handle]:
    """An ended run whose starter is gone."""
    handle = harness.orphan(harness.run([Say("line"), End(3)], name=harness.mark))
    listed(housekeeper, handle, "ended")
    yield handle
    housekeeper.remove(handle)


def listed(launcher: Launcher, handle: Handle, state: str) -> Listed:
    """The run as it is listed, once it is in this state."""
    runs = eventually(
        lambda: [run for run in launcher.list_runs() if run.handle == handle and run.state == state], timeout=LONG
    )
    assert len(runs) == 1
    return runs[0]


def test_a_run_is_listed_while_it_is_running(harness: Harness, housekeeper: Launcher, start: Start) -> None:
    run = harness.run([UntilStopped()], name=harness.mark, timeout=3600)
    found = listed(housekeeper, start(run), "running")
    assert (found.run_id, found.name, found.ended_at, found.outcome) == (run.id, harness.mark, None, None)
    assert found.deadline is not None
    assert found.starter is not None
    if found.started_at is not None:  # not before the start of its container is reported
        assert 3590 < (found.deadline - found.started_at).total_seconds() < 3610


def test_an_ended_run_is_listed_with_its_outcome_until_it_is_removed(
    harness: Harness, housekeeper: Launcher, start: Start
) -> None:
    handle = start(harness.run([End(3)], name=harness.mark))
    found = listed(housekeeper, handle, "ended")
    assert found.outcome is not None
    assert (found.outcome.exit_code, found.outcome.reason, found.outcome.handle) == (3, Reason.FAILED, handle)
    assert found.started_at is not None
    assert found.ended_at is not None
    assert found.started_at <= found.ended_at
    housekeeper.remove(handle)
    assert housekeeper.list_runs() == []


def test_the_logs_of_an_ended_run_are_all_its_lines(harness: Harness, housekeeper: Launcher, start: Start) -> None:
    handle = start(harness.run([Say("one"), Say("two"), End(3)], name=harness.mark))
    listed(housekeeper, handle, "ended")
    assert [list(housekeeper.logs(handle, follow=follow)) for follow in (False, True)] == [["one", "two"]] * 2


def test_the_logs_of_a_running_run_are_its_lines_so_far(harness: Harness, housekeeper: Launcher, start: Start) -> None:
    handle = start(harness.run([Say("one"), UntilStopped()], name=harness.mark))
    assert eventually(lambda: [*housekeeper.logs(handle)], lambda lines: len(lines) > 1) == ["one", "ready"]


def test_followed_logs_end_with_the_run(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([Say("one"), UntilStopped()]))
    with harness.launcher() as other, ThreadPoolExecutor(1) as pool:
        lines = other.logs(handle, follow=True)
        assert pool.submit(next, lines).result(LONG) == "one"
        rest = in_thread(list, lines)
        launcher.stop(handle)
        assert rest.result(LONG) == ["ready", "bye"]


def test_followed_logs_end_also_if_they_are_read_after_the_end(
    harness: Harness, housekeeper: Launcher, start: Start
) -> None:
    handle = start(harness.run([Say("one"), End(0)], name=harness.mark))
    lines = housekeeper.logs(handle, follow=True)
    listed(housekeeper, handle, "ended")
    assert in_thread(list, lines).result(LONG) == ["one"]


def test_logs_that_are_no_longer_read_leave_the_run_alone(harness: Harness, launcher: Launcher, start: Start) -> None:
    handle = start(harness.run([UntilStopped()]))
    lines = launcher.logs(handle, follow=True)
    assert next(lines) == "ready"
    lines.close()
    with pytest.raises(TimeoutError):
        launcher.wait(handle, timeout=0)


def test_a_removed_run_has_no_logs(harness: Harness, launcher: Launcher) -> None:
    handle = launcher.start(harness.run([]))
    launcher.wait(handle)
    launcher.remove(handle)
    with pytest.raises(RunNotFound):
        launcher.logs(handle)


def test_reap_leaves_a_run_whose_starter_is_alive(harness: Harness, housekeeper: Launcher, start: Start) -> None:
    handle = start(harness.run([End(0)], name=harness.mark))
    listed(housekeeper, handle, "ended")
    assert housekeeper.reap() == housekeeper.reap(older_than=0) == []
    assert listed(housekeeper, handle, "ended")


def test_reap_removes_an_ended_run_whose_starter_is_gone(housekeeper: Launcher, orphan: Handle) -> None:
    assert housekeeper.reap(dry_run=True) == [orphan]
    assert housekeeper.reap(older_than=3600) == []
    assert housekeeper.reap() == [orphan]
    assert housekeeper.list_runs() == housekeeper.reap() == []


def test_reap_leaves_a_detached_run_until_its_time_out(harness: Harness, housekeeper: Launcher) -> None:
    handle = harness.orphan(harness.run([UntilStopped()], name=harness.mark))
    try:
        listed(housekeeper, handle, "running")
        assert housekeeper.reap() == housekeeper.reap(older_than=0) == []
        with pytest.raises(LaunchError, match="running"):
            housekeeper.remove(handle)
    finally:
        housekeeper.stop(handle)
        housekeeper.remove(handle)


@pytest.mark.needs("overdue")
def test_reap_stops_and_removes_a_run_that_goes_on_after_its_time_out(harness: Harness, housekeeper: Launcher) -> None:
    handle = harness.orphan(harness.run([UntilStopped()], name=harness.mark, timeout=0.2))
    assert eventually(housekeeper.reap, timeout=LONG) == [handle]
    assert housekeeper.list_runs() == []
