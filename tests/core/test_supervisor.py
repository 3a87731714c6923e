"""`Supervisor`: polling, waiting, stops and outcomes of one started run."""

from __future__ import annotations

import random
import signal
import threading
import time
from concurrent.futures import Future
from types import FrameType

import pytest

from launchpad import EngineUnavailable, Handle, LaunchError, Reason, Run
from launchpad.core.backend import Chunk, Exit, Unit
from launchpad.core.output import discard
from launchpad.core.stopper import LONGEST_POLL, Stopper
from launchpad.core.supervisor import Supervisor
from tests.helping import in_thread

RUN = Run(command=["job"])
ENDED = Exit(exit_code=0, reason=Reason.COMPLETED)
KILLED = Exit(exit_code=-9, reason=Reason.FAILED)
SOON = 20.0
"""Seconds until what must happen is taken to be stuck."""


class ScriptedUnit(Unit):
    """A unit that returns what the test puts in, and records its calls. It fails if two threads poll at once."""

    def __init__(self, *events: Chunk | Exit | Exception, ends_when: str = "") -> None:
        self.handle = Handle("scripted", "1", "job", "here", RUN.id)
        self.asked: list[str] = []
        self.timeouts: list[float | None] = []
        self.polled = threading.Event()
        self._ends_when = ends_when
        self._events = list(events)
        self._exit: Exit | None = None
        self._woken = False
        self._changed = threading.Condition()
        self._polling = threading.Lock()

    def put(self, *events: Chunk | Exit | Exception) -> None:
        with self._changed:
            self._events += events
            self._changed.notify_all()

    def poll(self, timeout: float | None) -> list[Chunk | Exit]:
        assert self._polling.acquire(blocking=False), "two threads poll at once"
        try:
            with self._changed:
                self.timeouts.append(timeout)
                self.polled.set()
                self._changed.wait_for(lambda: self._events or self._woken or self._exit, timeout)
                self._woken = False
                event = self._events.pop(0) if self._events else self._exit
        finally:
            self._polling.release()
        if isinstance(event, Exception):
            raise event
        self._exit = event if isinstance(event, Exit) else self._exit
        return [event] if event else []

    def has_ended(self) -> bool:
        return self._exit is not None or any(isinstance(event, Exit) for event in self._events)

    def wake(self) -> bool:
        with self._changed:
            self._woken = True
            self._changed.notify_all()
        return True

    def terminate(self, grace: float) -> bool:
        self._ask(f"terminate {grace:g}")
        return True

    def kill(self) -> None:
        self._ask("kill")

    def close(self) -> None:
        assert not self._polling.locked(), "closed while it is polled"
        self._ask("close")

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self._ends_when and what.startswith(self._ends_when):
            self.put(KILLED)


class Unwakeable(ScriptedUnit):
    """A unit whose poll only an event ends."""

    def wake(self) -> bool:
        return False


class Unstoppable(Unwakeable):
    """A unit whose run this process may not stop."""

    def terminate(self, grace: float) -> bool:
        raise LaunchError("It belongs to another user.")


class Idle(ScriptedUnit):
    """A unit without events. Its poll has no Python code that an interrupt could break."""

    def poll(self, timeout: float | None) -> list[Chunk | Exit]:
        return []


def supervise(unit: ScriptedUnit, grace: float = 60, timeout: float | None = None) -> Supervisor:
    return Supervisor(unit, RUN, grace, timeout, Stopper())


def test_the_exit_becomes_the_outcome_and_closes_the_unit() -> None:
    unit = ScriptedUnit(Exit(exit_code=3, reason=Reason.FAILED, message="why", hint="what to try"))
    outcome = supervise(unit).wait(discard)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 3, Reason.FAILED)
    assert (outcome.message, outcome.hint, outcome.handle) == ("why", "what to try", unit.handle)
    assert outcome.started_at <= outcome.ended_at
    assert unit.asked == ["close"]


def test_following_again_gives_the_same_outcome_without_a_poll() -> None:
    unit = ScriptedUnit(ENDED)
    supervisor = supervise(unit)
    assert supervisor.wait(discard) is supervisor.wait(discard)
    assert len(unit.timeouts) == 1


def test_what_the_unit_writes_goes_to_the_sink_in_order_and_the_rest_at_the_end() -> None:
    lines: list[str] = []
    unit = ScriptedUnit(Chunk("stdout", b"one\nt"), Chunk("stdout", b"wo\nthree"), ENDED)
    supervise(unit).wait(lambda stream, new: lines.extend(new))
    assert lines == ["one", "two", "three"]


def test_all_waiting_threads_get_the_same_outcome() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    waits = [in_thread(supervisor.wait, discard) for _ in range(8)]
    unit.polled.wait(SOON)
    unit.put(ENDED)
    assert len({id(wait.result(SOON)) for wait in waits}) == 1


def test_a_wait_whose_time_is_over_returns_none_also_while_another_thread_polls() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(SOON)
    assert supervisor.wait(discard, time.monotonic() - 1) is None
    assert supervisor.wait(discard, time.monotonic() + 0.01) is None
    unit.put(ENDED)
    assert waiting.result(SOON) is supervisor.outcome


def test_another_waiting_thread_polls_when_the_polling_thread_leaves() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    leaving = in_thread(supervisor.wait, discard, time.monotonic() + 0.1)
    unit.polled.wait(SOON)
    staying = [in_thread(supervisor.wait, discard) for _ in range(3)]
    assert leaving.result(SOON) is None
    unit.put(ENDED)
    assert [wait.result(SOON) for wait in staying] == [supervisor.outcome] * 3


def test_an_end_that_has_come_counts_even_if_the_time_is_over() -> None:
    assert supervise(ScriptedUnit(ENDED)).wait(discard, time.monotonic() - 1).ok


def test_the_last_output_of_a_run_that_has_ended_is_waited_for_past_the_time() -> None:
    lines: list[str] = []
    unit = ScriptedUnit(Chunk("stdout", b"late\n"), ENDED)
    assert supervise(unit).wait(lambda stream, new: lines.extend(new), time.monotonic() - 1).ok
    assert lines == ["late"]


def test_a_stop_requested_before_the_first_wait_is_carried_out() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    supervisor = supervise(unit)
    supervisor.request_stop()
    assert supervisor.wait(discard).reason is Reason.STOPPED
    assert unit.asked == ["terminate 60", "close"]


def test_a_stop_wakes_the_polling_thread() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    supervisor = supervise(unit)
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(SOON)
    supervisor.request_stop()
    assert waiting.result(SOON).reason is Reason.STOPPED


def test_a_stopped_run_is_not_ok_whatever_its_status() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    supervisor.request_stop()
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(SOON)
    unit.put(ENDED)
    outcome = waiting.result(SOON)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 0, Reason.STOPPED)


@pytest.mark.parametrize("timeout", [None, 0.001])
def test_a_run_that_has_ended_is_not_stopped_any_more(timeout: float | None) -> None:
    unit = ScriptedUnit(Chunk("stdout", b"late\n"), Chunk("stdout", b"later\n"), ENDED)
    supervisor = supervise(unit, timeout=timeout)
    if timeout is None:
        supervisor.request_stop()
    time.sleep(0.002)  # the time-out is over: nobody has looked at the run until now
    assert supervisor.wait(discard).reason is Reason.COMPLETED
    assert unit.asked == ["close"]
    assert unit.timeouts[1:] == [None, None]


def test_a_time_out_asks_then_kills() -> None:
    unit = ScriptedUnit(ends_when="kill")
    outcome = supervise(unit, grace=0.01, timeout=0.01).wait(discard)
    assert unit.asked == ["terminate 0.01", "kill", "close"]
    assert (outcome.reason, outcome.message) == (
        Reason.TIMED_OUT,
        "The run was stopped: it took longer than its time-out of 0.01 s.",
    )


def test_a_time_out_counts_in_a_short_wait() -> None:
    unit = ScriptedUnit(ends_when="terminate")
    supervisor = supervise(unit, timeout=0.001)
    time.sleep(0.002)
    assert supervisor.wait(discard, time.monotonic()).reason is Reason.TIMED_OUT


def test_a_stop_after_the_time_out_does_not_change_the_reason() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit, timeout=0.001)
    assert supervisor.wait(discard, time.monotonic() + 0.02) is None
    supervisor.request_stop()
    unit.put(KILLED)
    assert supervisor.wait(discard).reason is Reason.TIMED_OUT


def test_the_run_is_asked_once_and_killed_once() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit, grace=0.001)
    for _ in range(3):
        supervisor.request_stop()
        assert supervisor.wait(discard, time.monotonic() + 0.01) is None
    assert unit.asked == ["terminate 0.001", "kill"]


def test_without_grace_the_kill_comes_at_once() -> None:
    unit = ScriptedUnit(ends_when="kill")
    supervisor = supervise(unit, grace=0)
    supervisor.request_stop()
    assert supervisor.wait(discard).reason is Reason.STOPPED
    assert unit.asked == ["terminate 0", "kill", "close"]


def test_in_a_hurry_the_grace_is_cut_short() -> None:
    unit = ScriptedUnit(ends_when="kill")
    supervisor = supervise(unit, grace=3600)
    supervisor.request_stop()
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(SOON)
    supervisor.request_stop(hurry=True)
    assert waiting.result(SOON).reason is Reason.STOPPED
    assert unit.asked == ["terminate 3600", "kill", "close"]


def test_a_stop_that_fails_is_tried_again_by_the_next_wait() -> None:
    class Protected(ScriptedUnit):
        def terminate(self, grace: float) -> bool:
            super().terminate(grace)
            if len(self.asked) == 1:
                raise LaunchError("not allowed")
            return True

    unit = Protected(ends_when="kill")
    supervisor = supervise(unit, grace=0)
    supervisor.request_stop()
    with pytest.raises(LaunchError, match="not allowed"):
        supervisor.wait(discard)
    assert supervisor.wait(discard).reason is Reason.STOPPED


def test_after_an_engine_error_the_next_wait_may_succeed() -> None:
    supervisor = supervise(ScriptedUnit(EngineUnavailable("gone"), ENDED))
    with pytest.raises(EngineUnavailable):
        supervisor.wait(discard)
    assert supervisor.wait(discard).ok


@pytest.mark.parametrize("seconds", [30 * 86400.0, 1e12, 1e300])
def test_long_times_are_waited_for_in_parts(seconds: float) -> None:
    unit = ScriptedUnit(Chunk("stdout", b"line\n"), ENDED)
    assert supervise(unit, timeout=seconds).wait(discard, seconds).ok
    assert unit.timeouts == [LONGEST_POLL, LONGEST_POLL]


def test_an_interrupt_in_the_sink_releases_the_poll_lock() -> None:
    def interrupted(stream: str, lines: list[str]) -> None:
        raise KeyboardInterrupt

    unit = ScriptedUnit(Chunk("stdout", b"line\n"))
    supervisor = supervise(unit)
    with pytest.raises(KeyboardInterrupt):
        supervisor.wait(interrupted)
    unit.put(ENDED)
    assert in_thread(supervisor.wait, discard).result(SOON).ok


def test_an_interrupt_at_any_moment_releases_the_poll_lock() -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def follow_for_ever() -> None:
        while True:
            supervisor.wait(discard, time.monotonic())

    supervisor = supervise(Idle())
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(200):
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012
                # Repeated: CPython drops an interrupt that falls into a callback of its garbage collection.
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.001), SOON)
                follow_for_ever()
            assert in_thread(supervisor.wait, discard, time.monotonic() + 0.0001).result(SOON) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_on_output_that_waits_for_its_own_run_gets_an_error() -> None:
    errors: list[BaseException | None] = []

    def wait(stream: str, lines: list[str]) -> None:
        with pytest.raises(RuntimeError) as raised:
            supervisor.wait(discard)
        errors.append(raised.value)

    supervisor = supervise(ScriptedUnit(Chunk("stdout", b"line\n"), ENDED))
    assert supervisor.wait(wait).ok
    assert "waits for on_output" in str(errors[0])


def test_polled_here_is_true_in_the_polling_thread_only() -> None:
    seen: list[bool] = []
    supervisor = supervise(ScriptedUnit(Chunk("stdout", b"line\n"), ENDED))
    supervisor.wait(lambda stream, lines: seen.append(supervisor.polled_here))
    assert (seen, supervisor.polled_here) == ([True], False)


def test_close_does_not_block_and_the_polling_thread_closes_the_unit_later() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    waiting = in_thread(supervisor.wait, discard)
    unit.polled.wait(SOON)
    supervisor.close()
    assert unit.asked == []
    unit.put(EngineUnavailable("closed"))
    assert isinstance(waiting.exception(SOON), EngineUnavailable)
    assert unit.asked == ["close"]


def test_a_close_in_the_sink_takes_effect_when_the_wait_ends() -> None:
    asked: list[list[str]] = []

    def close(stream: str, lines: list[str]) -> None:
        supervisor.close()
        asked.append(list(unit.asked))

    unit = ScriptedUnit(Chunk("stdout", b"line\n"), EngineUnavailable("closed"))
    supervisor = supervise(unit)
    with pytest.raises(EngineUnavailable):
        supervisor.wait(close)
    assert (asked, unit.asked) == ([[]], ["close"])


def test_a_unit_that_is_not_polled_is_closed_at_once() -> None:
    unit = ScriptedUnit()
    supervise(unit).close()
    assert unit.asked == ["close"]


def test_a_unit_is_never_closed_during_a_poll() -> None:
    for _ in range(200):
        unit = ScriptedUnit()
        supervisor = supervise(unit)
        barrier = threading.Barrier(4)

        def follow(supervisor: Supervisor = supervisor, barrier: threading.Barrier = barrier) -> object:
            barrier.wait()
            return supervisor.wait(discard, time.monotonic() + 0.0005)

        def close(supervisor: Supervisor = supervisor, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            supervisor.close()

        for future in [in_thread(follow), in_thread(follow), in_thread(follow), in_thread(close)]:
            assert future.result(SOON) is None
        assert "close" in unit.asked


def test_a_stop_and_an_end_at_the_same_moment_give_one_clear_outcome() -> None:
    for _ in range(200):
        unit = ScriptedUnit(ends_when="terminate")
        supervisor = supervise(unit)
        waiting = in_thread(supervisor.wait, discard)
        unit.polled.wait(SOON)
        barrier = threading.Barrier(3)
        in_thread(lambda: (barrier.wait(), supervisor.request_stop()))  # noqa: B023
        in_thread(lambda: (barrier.wait(), unit.put(ENDED)))  # noqa: B023
        barrier.wait()
        outcome = waiting.result(SOON)
        stopped = any(what.startswith("terminate") for what in unit.asked)
        assert outcome.reason is (Reason.STOPPED if stopped else Reason.COMPLETED)


def polled(unit: ScriptedUnit, grace: float = 60, stopper: Stopper | None = None) -> tuple[Supervisor, Future[object]]:
    """Has another thread poll `unit`, and waits until it does."""
    supervisor = Supervisor(unit, RUN, grace, None, stopper or Stopper())
    outcome = in_thread(supervisor.wait, discard)
    assert unit.polled.wait(SOON)
    return supervisor, outcome


def test_the_stopper_stops_a_run_whose_polling_thread_cannot_be_woken() -> None:
    unit = Unwakeable(ends_when="terminate")
    supervisor, outcome = polled(unit, grace=60)
    supervisor.request_stop()
    assert outcome.result(SOON).reason is Reason.STOPPED
    assert unit.asked == ["terminate 60", "close"]
    assert unit.timeouts == [None]


def test_the_stopper_kills_after_the_grace() -> None:
    unit = Unwakeable(ends_when="kill")
    supervisor, outcome = polled(unit, grace=0.05)
    supervisor.request_stop()
    assert outcome.result(SOON).reason is Reason.STOPPED
    assert unit.asked == ["terminate 0.05", "kill", "close"]


def test_the_stopper_kills_at_once_in_a_hurry() -> None:
    unit = Unwakeable(ends_when="kill")
    supervisor, outcome = polled(unit, grace=3600)
    supervisor.request_stop()
    supervisor.request_stop(hurry=True)
    assert outcome.result(SOON).reason is Reason.STOPPED
    assert unit.asked == ["terminate 3600", "kill", "close"]


def test_the_stopper_stops_no_run_that_has_ended() -> None:
    class Ended(Unwakeable):
        def has_ended(self) -> bool:
            return True

    unit = Ended()
    supervisor, outcome = polled(unit)
    supervisor.request_stop()
    assert supervisor.take_due_step() is None
    unit.put(ENDED)
    assert outcome.result(SOON).reason is Reason.COMPLETED
    assert unit.asked == ["close"]


def test_the_stopper_ends_when_the_run_ends() -> None:
    unit, stopper = Unwakeable(ends_when="terminate"), Stopper()
    supervisor, outcome = polled(unit, grace=3600, stopper=stopper)
    supervisor.request_stop()
    outcome.result(SOON)
    assert stopper._running.acquire(timeout=SOON)  # long before the grace is over


def test_a_run_that_the_stopper_cannot_stop_causes_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    unit = Unstoppable()
    supervisor, outcome = polled(unit)
    with caplog.at_level("WARNING", logger="launchpad"):
        supervisor._stop_requested = True
        assert supervisor.take_due_step() is None
    assert ["may go on" in message and "another user" in message for message in caplog.messages] == [True]
    unit.put(ENDED)
    assert outcome.result(SOON).ok


def test_a_run_whose_end_is_noticed_only_by_its_stop_was_not_stopped() -> None:
    class Ending(Unwakeable):
        def terminate(self, grace: float) -> bool:
            super().terminate(grace)
            return False

    unit = Ending()
    supervisor, outcome = polled(unit)
    supervisor.request_stop()
    assert supervisor.take_due_step() is None
    unit.put(ENDED)
    assert outcome.result(SOON).reason is Reason.COMPLETED
