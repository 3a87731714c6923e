"""What is left on an engine, and its removal; and whether the engine can be used."""

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


def test_an_entry_of_the_list_is_a_container() -> None:
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
def test_what_has_ended_is_over_and_so_is_what_is_long_overdue(state: str, late: float | None, over: bool) -> None:
    now = datetime.now(timezone.utc)
    labels = {} if late is None else {"deadline": (now - timedelta(seconds=late)).isoformat()}
    assert container_of(entry(state, **labels)).is_over(now) is over


@pytest.mark.docker
def test_ended_runs_are_listed_and_reaped_and_running_ones_stay(make: Launch, mark: str) -> None:
    launcher = make(grace=0, stream_output=False)
    ended = launcher.launch(sh("exit 3")).handle
    running = launcher.start(sh("sleep 60"))
    backend = launcher.connect()
    try:
        ours = [f"{LABEL}={mark}"]  # others are not ours to reap
        assert {ended.id, running.id} == {container.id for container in containers(backend, ours)}
        assert backend.state(ended.id).exit_code == 3
        assert [container.id for container in reap(backend, ours)] == [ended.id]
        assert {container.id for container in containers(backend, ours)} == {running.id}
    finally:
        backend.close()
        launcher.stop(running)


@pytest.mark.docker
def test_the_doctor_sees_the_engine(make: Launch) -> None:
    health = check(make())
    assert health.usable
    assert health.version.startswith(("Docker Engine ", "Podman "))


@pytest.mark.docker
def test_the_doctor_says_what_to_do_where_there_is_no_engine(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(EngineUnavailable, match="start it, or set DOCKER_HOST"):
        check(make())
