"""One Job as it is followed, by scripted facts: what it takes for an end, and what it asks of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from launchpad import EngineUnavailable, Handle, LaunchError, Reason
from launchpad.core.backend import Exit
from launchpad.core.retries import Transient
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.events import LISTED, Fact
from launchpad.kubernetes.observed import ObservedJob
from launchpad.kubernetes.unit import LATE, JobUnit

HANDLE = Handle("kubernetes", "uid-1", "j", "cluster/ns", "run-1")
NOT_FOUND = ApiError("not found", 404, "NotFound")
COMPLETE = {"type": "Complete", "status": "True"}
FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}


def job(*conditions: dict[str, Any], uid: str = "uid-1") -> dict[str, Any]:
    return {"metadata": {"name": "j", "uid": uid}, "status": {"conditions": list(conditions)}}


def pod(code: int | None = None, waiting: str = "") -> dict[str, Any]:
    ended, waits = {"terminated": {"exitCode": code}}, {"waiting": {"reason": waiting}}
    state = ended if code is not None else waits if waiting else {"running": {}}
    statuses = [{"name": "job", "state": state}]
    return {"metadata": {"name": "p", "uid": "uid-p"}, "status": {"containerStatuses": statuses}}


class Server:
    """Answers what it was told to, once each; what it was asked is in `asked`."""

    def __init__(self, **answers: list[Any]) -> None:
        self.asked: list[str] = []
        self._answers = answers

    def __getattr__(self, verb: str) -> Any:
        def ask(*args: object) -> Any:
            self.asked.append(verb)
            answers = self._answers.get(verb)
            answer = answers.pop(0) if answers else None
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


class Watching:
    """Where facts come from: the test tells them."""

    def __init__(self) -> None:
        self.sights: list[ObservedJob] = []

    def register(self, name: str, observed: ObservedJob) -> None:
        self.sights.append(observed)

    def unregister(self, name: str, observed: ObservedJob) -> None:
        self.sights = [other for other in self.sights if other is not observed]

    def tell(self, kind: Any, item: dict[str, Any] | None, gone: bool = False) -> None:
        for observed in self.sights:
            observed.notify(Fact(kind, "j" if kind == "job" else "p", gone, item))

    def list_all(self) -> None:
        """A listing has ended."""
        for observed in self.sights:
            observed.notify(LISTED)

    def fail(self, error: LaunchError) -> None:
        sights, self.sights = self.sights, []
        for observed in sights:
            observed.fail(error)


class Followed:
    """A unit, its server and what it hears from."""

    def __init__(self, longest_wait: float = 60.0, **answers: list[Any]) -> None:
        self.server, self.watching = Server(**answers), Watching()
        self.unit = JobUnit(self.server, self.watching, "j", output=False, longest_wait=longest_wait)  # type: ignore[arg-type]
        self.unit.identify(HANDLE, Fact("job", "j", False, job()))

    def end(self) -> Exit:
        (end,) = self.unit.poll(30)
        assert isinstance(end, Exit)
        return end


@pytest.fixture
def follow() -> Iterator[Any]:
    followed: list[Followed] = []

    def follow(**answers: Any) -> Followed:
        followed.append(Followed(**answers))
        return followed[-1]

    yield follow
    for one in followed:
        one.unit.close()


def test_a_success_is_one_though_no_pod_was_ever_seen(follow: Any) -> None:
    run = follow()
    run.watching.tell("job", job(COMPLETE))
    assert (run.end().reason, run.end().exit_code, run.server.asked) == (Reason.COMPLETED, 0, [])


def test_a_failure_waits_for_the_news_of_its_pod(follow: Any) -> None:
    run = follow()
    run.watching.tell("job", job(FAILED))
    assert run.unit.poll(0) == []
    run.watching.tell("pod", pod(3))
    assert (run.end().exit_code, run.server.asked) == (3, [])


def test_news_of_a_pod_that_do_not_come_are_asked_for_once(follow: Any) -> None:
    run = follow(pods=[[pod(4)]])
    run.watching.tell("job", job(FAILED))
    assert (run.end().exit_code, run.server.asked) == (4, ["pods"])


def test_a_job_that_goes_with_its_result_is_no_loss(follow: Any) -> None:
    run = follow()
    run.watching.tell("job", job(COMPLETE), gone=True)
    assert run.end().reason is Reason.COMPLETED


@pytest.mark.parametrize("last", [job(), None])
def test_a_job_that_goes_without_has_vanished(follow: Any, last: dict[str, Any] | None) -> None:
    run = follow()
    run.watching.tell("job", last, gone=True)
    assert run.end().reason is Reason.VANISHED


def test_a_job_that_was_gone_before_all_were_listed_has_vanished(follow: Any) -> None:
    run = follow(read=[Transient("down"), NOT_FOUND])
    run.watching.list_all()
    assert (run.end().reason, run.server.asked) == (Reason.VANISHED, ["read", "read"])


def test_a_job_that_was_made_after_all_were_listed_is_asked_for_once(follow: Any) -> None:
    run = follow(read=[job()], pods=[[pod()]])
    run.watching.list_all()
    assert run.unit.poll(LATE * 2) == []
    assert run.server.asked == ["read", "pods"]


def test_a_job_that_the_watchers_know_of_is_not_asked_for(follow: Any) -> None:
    run = follow()
    run.watching.list_all()
    assert run.unit.poll(0) == []
    run.watching.tell("pod", pod())
    run.watching.tell("job", job())
    assert run.unit.poll(LATE * 1.5) == []
    assert run.server.asked == []


def test_an_answer_older_than_what_was_watched_does_not_undo_an_end(follow: Any) -> None:
    run = follow()
    run.watching.tell("pod", pod(3))
    run.watching.tell("job", job(FAILED))
    run.watching.tell("pod", pod())
    run.watching.tell("job", job())
    assert (run.end().exit_code, run.server.asked) == (3, [])


def test_another_job_of_the_name_is_none_of_ours(follow: Any) -> None:
    run = follow()
    run.watching.tell("job", job(COMPLETE, uid="uid-2"), gone=True)
    assert run.unit.poll(0) == []


def test_it_is_deleted_until_the_server_has_heard_it_and_over_when_it_is_gone(follow: Any) -> None:
    run = follow(delete=[Transient("down"), Transient("down"), None])
    run.unit.terminate(1)
    while run.server.asked != ["delete"] * 3:
        assert run.unit.poll(0.1) == []
    run.watching.tell("pod", pod(143))
    run.watching.tell("job", job(), gone=True)
    assert run.end().exit_code == 143


def test_what_is_gone_already_needs_no_deleting(follow: Any) -> None:
    run = follow(delete=[NOT_FOUND])
    run.unit.terminate(1)
    assert run.end().reason is Reason.VANISHED


def test_who_waits_is_told_that_watching_failed_and_who_waits_on_that_it_goes_on(follow: Any) -> None:
    run = follow(read=[job()], pods=[[pod()]])
    run.watching.fail(EngineUnavailable("out of reach"))
    with pytest.raises(EngineUnavailable, match="out of reach"):
        run.unit.poll(0)
    assert run.unit.poll(0) == []
    run.watching.tell("job", job(COMPLETE))
    assert (run.end().reason, run.server.asked) == (Reason.COMPLETED, ["read", "pods"])


def test_what_happened_while_nobody_watched_is_found_out(follow: Any) -> None:
    for answers, reason in (({"read": [NOT_FOUND]}, Reason.VANISHED), ({"read": [job(COMPLETE)]}, Reason.COMPLETED)):
        run = follow(pods=[[]], **answers)
        run.watching.fail(EngineUnavailable("out of reach"))
        with pytest.raises(EngineUnavailable):
            run.unit.poll(0)
        assert run.end().reason is reason


def test_a_removal_that_nobody_watches_is_looked_at(follow: Any) -> None:
    run = follow(read=[job(), NOT_FOUND])
    run.unit.terminate(1)
    run.watching.fail(EngineUnavailable("out of reach"))
    assert run.end().reason is Reason.VANISHED
    assert run.server.asked == ["delete", "read", "read"]


def test_a_pod_that_has_ended_when_it_is_first_seen_has_started(follow: Any) -> None:
    run = follow(longest_wait=0.05)
    run.watching.tell("pod", pod(0))
    assert run.unit.poll(0.2) == []
    assert run.server.asked == []


def test_before_giving_up_it_looks_directly_and_finds_what_was_not_told(follow: Any) -> None:
    run = follow(longest_wait=0.05, pods=[[pod()]])
    assert run.unit.poll(0.5) == []
    assert run.server.asked == ["pods"]


def test_what_never_started_is_deleted_before_it_is_over(follow: Any) -> None:
    run = follow(longest_wait=0.05, pods=[[pod(waiting="ContainerCreating")]], events=[[], []])
    while "delete" not in run.server.asked:
        assert run.unit.poll(0.1) == []
    assert run.unit.poll(0) == []
    run.watching.tell("job", job(), gone=True)
    assert run.end().reason is Reason.NEVER_STARTED


def test_events_that_may_not_be_read_are_done_without(follow: Any) -> None:
    denied = ApiError("not allowed", 403, "Forbidden")
    run = follow(longest_wait=0.05, pods=[denied], events=[denied], delete=[NOT_FOUND])
    assert run.end().reason is Reason.NEVER_STARTED


def test_what_is_refused_for_good_is_an_error_as_often_as_it_is_asked_about(follow: Any) -> None:
    event = {"reason": "FailedCreate", "message": 'pods "j-" is forbidden: violates PodSecurity'}
    run = follow(longest_wait=0.05, pods=[[]], events=[[event]], delete=[NOT_FOUND])
    for _ in range(2):
        with pytest.raises(LaunchError, match="violates PodSecurity"):
            run.unit.poll(30)
    run.unit.terminate(0)
    assert run.end().exit_code is None


def test_two_failed_pulls_are_enough_and_the_nodes_own_limit_is_none(follow: Any) -> None:
    run = follow(delete=[NOT_FOUND])
    throttled = pod(waiting="ErrImagePull")
    throttled["status"]["containerStatuses"][0]["state"]["waiting"]["message"] = "pull QPS exceeded"
    for state in (throttled, pod(waiting="ImagePullBackOff"), pod(waiting="ErrImagePull"), pod(waiting="ErrImagePull")):
        run.watching.tell("pod", state)
        assert run.unit.poll(0) == []
    run.watching.tell("pod", pod(waiting="ImagePullBackOff"))
    run.watching.tell("pod", pod(waiting="ErrImagePull"))
    assert run.end().reason is Reason.IMAGE_PULL


def test_a_wake_ends_a_poll_under_way_or_the_next(follow: Any) -> None:
    run = follow()
    run.unit.wake()
    assert run.unit.poll(None) == []


def test_what_is_closed_says_so(follow: Any) -> None:
    run = follow()
    run.unit.close()
    with pytest.raises(EngineUnavailable, match="not followed"):
        run.unit.poll(None)
