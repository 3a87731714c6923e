"""Facts from the engine's events and inspections, and the outcomes that follow from them. Without an engine."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from launchpad import LaunchError, NameConflict, Reason
from launchpad.docker.diagnosis import Termination, exit_of
from launchpad.docker.errors import ApiError, not_started, root_of
from launchpad.docker.images import pull_error
from launchpad.docker.status import Ended, Gone, Killed, OutOfMemory, Started, State, fact_of, state_of, time_of

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
NANOSECONDS = int(AT.timestamp()) * 10**9 + 678_901_234


def event(action: str, **attributes: str) -> dict[str, Any]:
    return {"Action": action, "Actor": {"ID": "c1", "Attributes": attributes}, "timeNano": NANOSECONDS}


def state(**fields: Any) -> State:
    known: dict[str, Any] = {
        "id": "c1",
        "status": "exited",
        "exit_code": 0,
        "oom_killed": False,
        "labels": {},
        "tty": False,
    }
    return State(**{**known, "started_at": AT, "ended_at": AT, **fields})


def ended(code: int | None, **known: Any) -> Any:
    return exit_of(Termination(end=Ended(code, AT), reported_at=1.0, **known))


def test_events_become_facts() -> None:
    assert fact_of(event("die", exitCode="3")) == ("c1", Ended(3, AT))
    assert fact_of(event("start")) == ("c1", Started(AT))
    assert fact_of(event("kill", signal="15")) == fact_of(event("restart")) == ("c1", Killed())
    assert fact_of(event("oom")) == ("c1", OutOfMemory())
    assert fact_of(event("destroy")) == ("c1", Gone())
    assert fact_of(event("exec_start: true")) is None


def test_times_of_the_engine_are_aware_and_its_zero_is_none() -> None:
    assert time_of("2026-01-02T03:04:05.678901234Z") == AT
    assert time_of("2026-01-02T04:04:05.678901+01:00") == AT
    assert time_of("0001-01-01T00:00:00Z") is None
    assert time_of(None) is None


def test_a_state_gives_the_facts_of_the_events_before_it() -> None:
    assert state(exit_code=137, oom_killed=True).facts() == [Started(AT), OutOfMemory(), Ended(137, AT)]
    assert state(status="running").facts() == [Started(AT)]
    assert state(status="created", started_at=None).facts() == []


def test_an_inspection_becomes_a_state() -> None:
    inspected = {
        "Id": "c1",
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "StartedAt": "2026-01-02T03:04:05.678901Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Config": {"Labels": None, "Tty": True},
    }
    assert state_of(inspected) == state(status="running", ended_at=None, tty=True)


@pytest.mark.parametrize(
    ("code", "known", "reason", "word"),
    [
        (0, {}, Reason.COMPLETED, ""),
        (3, {}, Reason.FAILED, "status 3"),
        (137, {}, Reason.FAILED, "SIGKILL"),
        (137, {"oom": True}, Reason.OOM_KILLED, "memory"),
        (1, {"oom": True}, Reason.OOM_KILLED, "memory"),
        (0, {"oom": True}, Reason.COMPLETED, ""),
        (137, {"vanished": True}, Reason.VANISHED, "removed"),
        (None, {"vanished": True}, Reason.VANISHED, "removed"),
    ],
)
def test_the_exit_follows_from_the_exit_code_and_what_is_known(
    code: int | None, known: dict[str, Any], reason: Reason, word: str
) -> None:
    outcome = ended(code, **known)
    assert (outcome.exit_code, outcome.reason, outcome.ended_at) == (code, reason, AT)
    assert word in outcome.message


def test_the_first_reported_end_counts() -> None:
    termination = Termination()
    termination.report(Ended(3, AT))
    termination.report(Ended(255, AT))
    assert termination.end == Ended(3, AT)


def test_a_killed_container_is_inspected_unless_launchpad_killed_it() -> None:
    assert Termination(end=Ended(137, AT)).needs_inspection
    assert not Termination(end=Ended(137, AT), by_us=True).needs_inspection
    assert not Termination(end=Ended(137, AT), oom=True).needs_inspection
    assert not Termination(end=Ended(1, AT)).needs_inspection


def test_a_container_whose_end_nothing_explains_may_be_on_its_way_to_be_removed() -> None:
    unexplained = Termination(end=Ended(143, AT))
    unexplained.confirm(state(exit_code=143))
    assert unexplained.may_be_removed
    assert not Termination(end=Ended(143, AT), killed=True).may_be_removed
    assert not Termination(end=Ended(143, AT), by_us=True).may_be_removed
    assert not Termination(end=Ended(1, AT)).may_be_removed


def test_an_inspection_after_the_end_finds_the_reason() -> None:
    for seen, reason in [
        (None, Reason.VANISHED),
        (state(status="removing"), Reason.VANISHED),
        (state(status="dead"), Reason.VANISHED),
        (state(status="running"), Reason.VANISHED),
        (state(exit_code=137), Reason.FAILED),
    ]:
        termination = Termination(end=Ended(137, AT))
        termination.confirm(seen)
        assert exit_of(termination).reason is reason


@pytest.mark.parametrize(("killed", "reason"), [(False, Reason.VANISHED), (True, Reason.FAILED)])
def test_a_container_that_ends_by_sigterm_and_is_gone_was_removed_unless_others_stopped_it(
    killed: bool, reason: Reason
) -> None:
    termination = Termination(end=Ended(143, AT), killed=killed)
    assert termination.needs_inspection
    termination.confirm(None)
    assert exit_of(termination).reason is reason


def test_a_start_after_the_end_is_a_restart_and_no_success() -> None:
    termination = Termination(end=Ended(0, AT), killed=True)
    termination.start(AT - timedelta(seconds=1))  # reported late
    assert termination.may_be_restarted
    termination.start(AT + timedelta(seconds=1))
    assert not termination.may_be_restarted
    assert exit_of(termination).reason is Reason.VANISHED
    assert exit_of(termination).started_at == AT - timedelta(seconds=1)


def test_a_quick_run_whose_start_is_reported_later_than_its_end_is_no_restart() -> None:
    termination = Termination(end=Ended(0, AT))
    termination.start(AT + timedelta(milliseconds=50))
    termination.start(AT + timedelta(milliseconds=60))
    outcome = exit_of(termination)
    assert (outcome.reason, outcome.started_at, outcome.ended_at) == (Reason.COMPLETED, AT, AT)


def test_a_start_that_is_reported_later_than_an_inspected_end_is_no_restart() -> None:
    termination = Termination()
    termination.start(AT - timedelta(milliseconds=50))
    termination.report(Ended(0, AT))
    termination.start(AT + timedelta(seconds=3))  # the event of the first start, from a busy engine
    assert exit_of(termination).reason is Reason.COMPLETED


def test_exit_code_255_is_doubtful_until_it_is_confirmed() -> None:
    termination = Termination(end=Ended(255, AT))
    assert termination.is_doubtful
    termination.confirm(state(exit_code=0))
    assert (termination.is_doubtful, exit_of(termination).reason) == (False, Reason.COMPLETED)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("exec format error", "processor"),
        ("mounts denied: the path /x is not shared", "check volumes"),
        ("write /x: no space left on device", "free some space"),
    ],
)
def test_an_error_of_the_engine_is_explained_with_advice(words: str, advice: str) -> None:
    error = not_started({"create": {"name": "n", "image": "i", "command": ["nope"]}}, ApiError(words, 500))
    assert isinstance(error, LaunchError)
    assert advice in str(error)
    assert "'n' of image 'i'" in str(error)


def test_an_unknown_error_of_the_engine_is_passed_on_in_its_words() -> None:
    error = not_started({"create": {"name": "n", "image": "i", "command": ["a"]}}, ApiError("it is raining", 500))
    assert str(error) == "Container 'n' of image 'i' cannot be started: it is raining."


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("write /var: no space left on device", "free some space"),
        ("x509: certificate signed by unknown authority", "trust the registry's certificate"),
        ("dial tcp: lookup registry: no such host", "reach the registry"),
    ],
)
def test_the_error_of_a_pull_has_advice(words: str, advice: str) -> None:
    assert advice in str(pull_error("x:2", words))


@pytest.mark.parametrize(
    ("code", "missed", "noticed_after", "expected"),
    [(3, False, 0.3, False), (3, False, 4.0, True), (3, True, 0.0, True), (255, False, 0.0, True)],
)
def test_an_end_that_the_engine_noticed_late_or_not_may_be_one_while_it_was_down(
    code: int, missed: bool, noticed_after: float, expected: bool
) -> None:
    termination = Termination(end=Ended(code, AT + timedelta(seconds=noticed_after), missed))
    assert termination.is_missed(AT) is expected


def test_the_root_of_an_error_is_not_what_was_being_handled_when_its_request_was_made() -> None:
    taken, no_descriptor, pool = NameConflict("taken"), OSError("no descriptor"), ConnectionError("the pool")
    pool.__cause__, no_descriptor.__context__ = no_descriptor, taken
    assert root_of(pool) is no_descriptor
