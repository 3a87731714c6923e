"""The retry policies: which errors are retried, how often and how long; no test sleeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tenacity

from launchpad import LaunchError, NameConflict
from launchpad.core.cancellation import Stopped, StopToken
from launchpad.core.retries import LONGEST_WAIT, TRANSIENT_ATTEMPTS, Transient, reconnecting, transient, with_free_name


class Clock(StopToken):
    """A control that keeps the sleeps it is asked for, and lets no time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, delay: float) -> None:
        self.check()
        self.slept.append(delay)


class Server:
    """Fails with each of `errors`, one a request, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.requests = 0

    def __call__(self) -> str:
        self.requests += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_names_are_tried_in_order_until_one_is_free() -> None:
    tried: list[str] = []

    def start(name: str) -> str:
        tried.append(name)
        if name != "c":
            raise NameConflict(name)
        return name

    assert with_free_name(iter("abcd"), start) == "c"
    assert tried == ["a", "b", "c"]


def test_when_no_name_is_free_the_last_conflict_is_the_error() -> None:
    def start(name: str) -> str:
        raise NameConflict(name)

    with pytest.raises(NameConflict, match="d"):
        with_free_name(iter("abcd"), start)


def test_another_error_than_a_conflict_is_not_a_reason_for_another_name() -> None:
    server = Server(LaunchError("quota"))
    with pytest.raises(LaunchError, match="quota"):
        with_free_name(iter("abcd"), lambda name: server())
    assert server.requests == 1


@pytest.mark.parametrize("policy", [transient, reconnecting])
def test_a_transient_error_is_retried(policy: Callable[[StopToken], tenacity.Retrying]) -> None:
    clock, server = Clock(), Server(Transient("busy"), Transient("busy"))
    assert policy(clock)(server) == "answer"
    assert (server.requests, len(clock.slept)) == (3, 2)


@pytest.mark.parametrize("policy", [transient, reconnecting])
@pytest.mark.parametrize("error", [LaunchError("forbidden"), ValueError("a fault of ours"), KeyboardInterrupt()])
def test_any_other_error_is_not_retried(policy: Callable[[StopToken], tenacity.Retrying], error: BaseException) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        policy(Clock())(server)
    assert server.requests == 1


def test_a_request_is_sent_a_bounded_number_of_times() -> None:
    server = Server(*[Transient(f"busy {number}") for number in range(100)])
    with pytest.raises(Transient, match="busy 4"):
        transient(Clock())(server)
    assert server.requests == TRANSIENT_ATTEMPTS


def test_waits_grow_with_jitter_and_are_bounded() -> None:
    waits = []
    for _ in range(50):
        clock = Clock()
        with pytest.raises(Transient):
            transient(clock)(Server(*[Transient("busy")] * 100))
        waits.append(clock.slept)
    assert len({wait for slept in waits for wait in slept}) > 100
    assert max(max(slept) for slept in waits) <= 10
    assert max(slept[0] for slept in waits) <= 0.2


@pytest.mark.parametrize(("asked", "waited"), [(3.0, 3.0), (0.0, 0.0), (86400.0, LONGEST_WAIT)])
def test_the_engine_may_ask_for_a_wait_within_reason(asked: float, waited: float) -> None:
    clock = Clock()
    transient(clock)(Server(Transient("slow down", retry_after=asked)))
    assert clock.slept == [waited]


def test_reconnecting_ends_with_the_longest_outage() -> None:
    server = Server(*[Transient("down")] * 100)
    with pytest.raises(Transient, match="down"):
        reconnecting(Clock(), longest=0)(server)
    assert server.requests == 1


def test_reconnecting_is_not_counted_in_attempts() -> None:
    clock = Clock()
    assert reconnecting(clock)(Server(*[Transient("down")] * 100)) == "answer"
    assert max(clock.slept) <= 5


@pytest.mark.parametrize("policy", [transient, reconnecting])
def test_a_stop_ends_the_trying(policy: Callable[[StopToken], tenacity.Retrying]) -> None:
    stop_token, server = StopToken(), Server(Transient("busy", retry_after=60))
    stop_token.stop()
    with pytest.raises(Stopped):
        policy(stop_token)(server)
    assert server.requests == 1
