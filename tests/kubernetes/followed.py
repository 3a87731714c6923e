"""A unit that follows one Job, with a server and watchers that a test scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launchpad import Handle, LaunchError
from launchpad.core.backend import Chunk, Exit
from launchpad.core.pending import Pending
from launchpad.kubernetes.errors import ApiError
from launchpad.kubernetes.events import Fact, listed
from launchpad.kubernetes.observed import ObservedJob
from launchpad.kubernetes.shared_listing import SharedListing
from launchpad.kubernetes.unit import JobUnit
from launchpad.net.wakeup import CLOCK, Clock, HasFileno, Wakeup

HANDLE = Handle("kubernetes", "uid-1", "j", "cluster/ns", "run-1")
NOT_FOUND = ApiError("not found", 404, "NotFound")
COMPLETE = {"type": "Complete", "status": "True"}
FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}

ONCE = {"backoffLimit": 0}
"""The spec of a Job whose run must be executed once."""


def job(*conditions: dict[str, Any], uid: str = "uid-1", deleted: bool = False, **spec: Any) -> dict[str, Any]:
    deletion = {"deletionTimestamp": "2030-01-01T00:00:09Z"} if deleted else {}
    return {
        "metadata": {"name": "j", "uid": uid, **deletion},
        "spec": spec,
        "status": {"conditions": list(conditions)},
    }


def pod(
    code: int | None = None, waiting: str = "", *, name: str = "p", grace: int | None = None, **status: Any
) -> dict[str, Any]:
    """A pod whose own container runs, has ended with `code` or is `waiting`. `grace`: others delete it."""
    ended, waits = {"terminated": {"exitCode": code}}, {"waiting": {"reason": waiting}}
    state = ended if code is not None else waits if waiting else {"running": {}}
    statuses = [{"name": "job", "state": state}]
    deletion = {"deletionTimestamp": "2030-01-01T00:00:09Z", "deletionGracePeriodSeconds": grace}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", **(deletion if grace is not None else {})},
        "status": {"containerStatuses": statuses, **status},
    }


class SkippingClock(Clock):
    """A clock that goes to the end of each wait at once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits = 0

    def now(self) -> float:
        return self.seconds

    def wait(self, wakeup: Wakeup, timeout: float | None, *others: HasFileno) -> bool:
        assert timeout is not None
        self.waits += 1
        assert self.waits < 10_000, "the thread spins"
        if wakeup.wait(0, *others):
            return True
        self.seconds += timeout
        return False


class Server:
    """Returns or raises each of its answers once, by the name of the method, and records the calls.

    Without an answer of the test, the Job exists, and nothing else.
    """

    def __init__(self, **answers: list[Any]) -> None:
        self.requests: list[str] = []
        self.on_request: Callable[[], object] = list
        self._answers = answers

    def __getattr__(self, verb: str) -> Any:
        def ask(*args: object) -> Any:
            self.requests.append(verb)
            self.on_request()
            answers = self._answers.get(verb)
            answer = answers.pop(0) if answers else {"read": job(), "pods": [], "events": []}.get(verb)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


class ScriptedWatchers:
    """Report the facts that the test gives them."""

    moved_at = float("-inf")

    def __init__(self, clock: Clock) -> None:
        self.observed_jobs: list[ObservedJob] = []
        self.listings = {kind: SharedListing(self, clock) for kind in ("job", "pod")}

    def list_again(self) -> None:
        raise AssertionError("one run needs no listing of all pods")

    def register(self, name: str, observed: ObservedJob) -> None:
        self.observed_jobs.append(observed)

    def unregister(self, name: str, observed: ObservedJob) -> None:
        self.observed_jobs = [other for other in self.observed_jobs if other is not observed]

    def report(self, kind: Any, item: dict[str, Any] | None, gone: bool = False) -> None:
        for observed in self.observed_jobs:
            name = item["metadata"]["name"] if item is not None else "j" if kind == "job" else "p"
            observed.notify(Fact(kind, name, gone, item))

    def list_all(self) -> None:
        """A listing has ended."""
        for observed in self.observed_jobs:
            observed.notify(listed("job", -1.0))

    def fail(self, error: LaunchError) -> None:
        observed_jobs, self.observed_jobs = self.observed_jobs, []
        for observed in observed_jobs:
            observed.fail(error)


class ScriptedEvents:
    """Pass on the events that the test gives them, while they are watched."""

    def __init__(self) -> None:
        self.listeners: list[Any] = []
        self.watched = False

    def expect(self, job: str, listener: Any) -> None:
        self.listeners.append(listener)

    def watch(self, job: str, listener: Any) -> None:
        self.watched = True

    def forget(self, job: str, listener: Any) -> None:
        self.listeners.remove(listener)
        self.watched = False

    def report(self, uid: str, reason: str, message: str, type: str = "Warning", kind: str = "Pod") -> None:
        for listener in self.listeners:
            event = {"reason": reason, "message": message, "type": type, "kind": kind}
            listener.notify(Fact("event", uid, False, event))


class Followed:
    """A unit, its server and its event source."""

    def __init__(
        self,
        pod_watch_timeout: float = 60.0,
        lost_timeout: float = 60.0,
        report_timeout: float = 60.0,
        created: Any = None,
        clock: Clock = CLOCK,
        **answers: list[Any],
    ) -> None:
        self.server, self.watchers, self.events = Server(**answers), ScriptedWatchers(clock), ScriptedEvents()
        self.pending: list[Pending] = []
        """Why the run waits, as the unit has reported it."""
        self.unit = JobUnit(
            self.server,  # type: ignore[arg-type]
            self.watchers,  # type: ignore[arg-type]
            self.events,  # type: ignore[arg-type]
            "j",
            output=False,
            pod_watch_timeout=pod_watch_timeout,
            lost_timeout=lost_timeout,
            report_timeout=report_timeout,
            clock=clock,
        )
        self.unit.identify(HANDLE, Fact("job", "j", False, created or job()))

    def report(self, *items: dict[str, Any], gone: bool = False) -> None:
        """Has the watchers report states of the Job and of its pods, and the unit notice each of them."""
        for item in items:
            self.watchers.report("job" if item["metadata"]["name"] == "j" else "pod", item, gone)
            assert self.news() == []

    def news(self) -> list[Chunk | Exit]:
        """What a poll returns now, but for the reasons why the run waits, which it adds to `pending`."""
        events = self.unit.poll(0)
        self.pending += [event for event in events if isinstance(event, Pending)]
        return [event for event in events if not isinstance(event, Pending)]

    def poll_until(self, verb: str, times: int = 1) -> None:
        """Polls until the unit has made so many requests of this kind."""
        self.server.on_request = self.unit.wake  # it ends the poll
        while self.server.requests.count(verb) < times:
            assert all(isinstance(event, Pending) for event in self.unit.poll(30))

    def end(self) -> Exit:
        (end,) = self.unit.poll(30)
        while isinstance(end, Pending):
            (end,) = self.unit.poll(30)
        assert isinstance(end, Exit)
        return end
