"""Containers as listed runs, and the check of an engine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from launchpad import EngineUnavailable, Handle, Listed, Reason, RunNotFound
from launchpad.docker.check import check
from launchpad.docker.listing import handle_of, listed
from launchpad.docker.status import State

from .conftest import IMAGE, LABEL, Launch

ID = "c" * 64
HANDLE = Handle("docker", ID, "my-run", "engine", "the-id")
START = datetime(2030, 1, 1, tzinfo=timezone.utc)
RUNNING = State(ID, "running", 0, False, START, None, {"io.launchpad.run-id": "the-id"}, False)
CREATED = attrs.evolve(RUNNING, status="created", started_at=None)
EXITED = attrs.evolve(RUNNING, status="exited", exit_code=3, ended_at=START + timedelta(seconds=5))


def entry(**fields: Any) -> dict[str, Any]:
    return {"Id": ID, "Names": ["/my-run"], "Labels": {"io.launchpad.run-id": "the-id"}, **fields}


def run_of(state: State, *, being_created: bool = False, **labels: str) -> Listed:
    named = {f"io.launchpad.{name.replace('_', '-')}": value for name, value in labels.items()}
    state = attrs.evolve(state, labels={**state.labels, **named})
    return listed(HANDLE, state, created=1_900_000_000, being_created=being_created)


def test_an_entry_of_the_engine_s_list_has_a_handle() -> None:
    assert handle_of(entry(), "engine") == HANDLE


def test_a_container_without_a_name_is_called_by_its_id() -> None:
    assert [handle_of(entry(Names=names), "e").name for names in (None, [])] == ["c" * 12] * 2


@pytest.mark.parametrize(
    "odd", [{"Labels": None}, {"Labels": {}}, {"Labels": {"io.launchpad.run-id": ""}}, {"Id": None}]
)
def test_an_entry_that_is_not_a_run_s_has_no_handle(odd: dict[str, Any]) -> None:
    assert handle_of(entry(**odd), "engine") is None


def test_the_labels_of_a_container_are_the_facts_of_its_run() -> None:
    found = run_of(RUNNING, run_name="my run", starter="h/b/1/2", deadline="2030-01-01T00:01:00.500+00:00")
    assert (found.name, found.starter, found.state, found.started_at) == ("my run", "h/b/1/2", "running", START)
    assert found.deadline == START + timedelta(seconds=60.5)


def test_a_container_without_these_labels_is_a_run_without_these_facts() -> None:
    found = run_of(RUNNING)
    assert (found.name, found.starter, found.deadline, found.outcome) == ("my-run", None, None, None)


@pytest.mark.parametrize("label", ["", "x", "2024", "2024-01-02T00:00:00", "0001-01-01T00:00:00+23:59", "\x1b", "१"])
def test_a_malformed_deadline_is_none(label: str) -> None:
    assert run_of(RUNNING, deadline=label).deadline is None


def test_an_ended_container_has_the_outcome_that_a_wait_returns() -> None:
    found = run_of(EXITED)
    assert (found.state, found.ended_at) == ("ended", EXITED.ended_at)
    assert (found.outcome.reason, found.outcome.exit_code, found.outcome.handle) == (Reason.FAILED, 3, HANDLE)
    assert run_of(attrs.evolve(EXITED, exit_code=137, oom_killed=True)).outcome.reason is Reason.OOM_KILLED
    assert run_of(attrs.evolve(EXITED, exit_code=0)).outcome.ok


@pytest.mark.parametrize("status", ["paused", "restarting"])
def test_a_container_that_goes_on_is_running(status: str) -> None:
    assert run_of(attrs.evolve(RUNNING, status=status)).state == "running"


def test_a_container_that_was_not_started_has_ended_once_its_starter_is_gone() -> None:
    assert run_of(CREATED, being_created=True).state == "running"
    found = run_of(CREATED)
    assert (found.state, found.outcome.reason, found.started_at) == ("ended", Reason.NEVER_STARTED, None)
    assert found.ended_at == datetime.fromtimestamp(1_900_000_000, timezone.utc)


@pytest.mark.docker
def test_a_container_that_was_never_started_is_not_waited_for_and_can_be_removed(
    make: Launch, engine: Any, mark: str
) -> None:
    labels = {LABEL: mark, "io.launchpad.run-id": mark, "io.launchpad.starter": "\x1b[2J", "io.launchpad.deadline": "x"}
    container = engine.create_container(IMAGE, ["true"], labels=labels)["Id"]
    launcher = make()
    [found] = [run for run in launcher.list_runs() if run.run_id == mark]
    assert (found.handle.id, found.state, found.deadline) == (container, "ended", None)
    with pytest.raises(RunNotFound, match="was not started"):
        launcher.wait(found.handle)
    launcher.stop(found.handle)
    launcher.remove(found.handle)
    assert [run for run in launcher.list_runs() if run.run_id == mark] == []


@pytest.mark.docker
def test_the_check_reports_the_engine(make: Launch) -> None:
    health = check(make())
    assert health.usable
    assert health.version.startswith(("Docker Engine ", "Podman "))


@pytest.mark.docker
def test_the_check_of_an_unreachable_engine_gives_advice(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineUnavailable, match="start it, or set DOCKER_HOST"):
        check(make())
