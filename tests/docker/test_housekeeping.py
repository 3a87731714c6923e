"""Listing and reaping of containers, and the check of an engine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from launchpad import EngineUnavailable
from launchpad.docker.check import check
from launchpad.docker.housekeeping import container_of, containers, reap

from .conftest import LABEL, Launch, sh


def entry(state: str, **labels: str) -> dict[str, Any]:
    named = {f"io.launchpad.{name}": value for name, value in labels.items()}
    return {
        "Id": "c" * 64,
        "Names": ["/my-run"],
        "Image": "a:1",
        "State": state,
        "Status": "Up 2 hours",
        "Labels": named,
    }


def test_an_entry_of_the_engine_s_list_becomes_a_container() -> None:
    container = container_of(entry("running", **{"run-id": "the-id", "run-name": "my run"}))
    assert (container.name, container.run_id, container.run_name, container.image) == (
        "my-run",
        "the-id",
        "my run",
        "a:1",
    )


@pytest.mark.parametrize(
    ("state", "late", "over"),
    [
        ("exited", None, True),
        ("running", None, False),
        ("created", None, False),
        ("running", 1, False),
        ("running", 600, True),
    ],
)
def test_a_container_is_over_if_it_has_ended_or_is_long_overdue(state: str, late: float | None, over: bool) -> None:
    now = datetime.now(timezone.utc)
    labels = {} if late is None else {"deadline": (now - timedelta(seconds=late)).isoformat()}
    assert container_of(entry(state, **labels)).is_over(now) is over


@pytest.mark.docker
def test_reap_removes_ended_runs_and_keeps_running_ones(make: Launch, mark: str) -> None:
    launcher = make(grace=0, stream_output=False)
    ended = launcher.launch(sh("exit 3")).handle
    running = launcher.start(sh("sleep 60"))
    backend = launcher.connect()
    try:
        ours = [f"{LABEL}={mark}"]
        assert {ended.id, running.id} == {container.id for container in containers(backend, ours)}
        assert backend.state(ended.id).exit_code == 3
        assert [container.id for container in reap(backend, ours)] == [ended.id]
        assert {container.id for container in containers(backend, ours)} == {running.id}
    finally:
        backend.close()
        launcher.stop(running)


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
