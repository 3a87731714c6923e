"""`Supervisor`: polling, waiting and outcomes of one started run."""

from __future__ import annotations

import random
import signal
import threading
import time
from types import FrameType

import pytest

from launchpad import EngineUnavailable, Reason
from launchpad.core.backend import Chunk, Exit
from launchpad.core.output import discard
from launchpad.core.stopper import LONGEST_POLL
from launchpad.core.supervisor import Supervisor
from tests.helping import QUICK_TIMEOUT, in_thread

from .scripted import ENDED, ScriptedUnit, polled, supervise


class Idle(ScriptedUnit):
    """A unit without events. Its poll has no Python code that an interrupt could break."""

    def poll(self, timeout: float | None) -> list[Chunk | Exit]:
        return []


def test_the_exit_becomes_the_outcome_and_closes_the_unit() -> None:
    unit = ScriptedUnit(Exit(exit_code=3, reason=Reason.FAILED, message="why", hint="what to try"))
    outcome = supervise(unit).wait(discard)
    assert (outcome.ok, outcome.exit_code, outcome.reason) == (False, 3, Reason.FAILED)
    assert (outcome.message, outcome.hint, outcome.handle) == ("why", "what to try", unit.handle)
    assert outcome.started_at <= outcome.ended_at
    assert unit.asked == ["close"]


def test_lost_output_that_the_unit_reports_is_marked_in_the_outcome() -> None:
    unit = ScriptedUnit(Exit(exit_code=0, reason=Reason.COMPLETED, output_complete=False))
    outcome = supervise(unit).wait(discard)
    assert (outcome.ok, outcome.output_complete) == (True, False)


def test_a_second_wait_returns_the_same_outcome_without_a_poll() -> None:
    unit = ScriptedUnit(ENDED)
    supervisor = supervise(unit)
    assert supervisor.wait(discard) is supervisor.wait(discard)
    assert len(unit.timeouts) == 1


def test_output_goes_to_the_sink_in_order_and_the_last_line_at_the_end() -> None:
    lines: list[str] = []
    unit = ScriptedUnit(Chunk("stdout", b"one\nt"), Chunk("stdout", b"wo\nthree"), ENDED)
    supervise(unit).wait(lambda stream, new: lines.extend(new))
    assert lines == ["one", "two", "three"]


def test_all_waiting_threads_get_the_same_outcome() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    waits = [in_thread(supervisor.wait, discard) for _ in range(8)]
    unit.polled.wait(QUICK_TIMEOUT)
    unit.put(ENDED)
    assert len({id(wait.result(QUICK_TIMEOUT)) for wait in waits}) == 1


def test_a_wait_whose_time_is_over_returns_none_also_while_another_thread_polls() -> None:
    unit = ScriptedUnit()
    supervisor, waiting = polled(unit)
    assert supervisor.wait(discard, time.monotonic() - 1) is None
    assert supervisor.wait(discard, time.monotonic() + 0.01) is None
    unit.put(ENDED)
    assert waiting.result(QUICK_TIMEOUT) is supervisor.outcome


def test_another_waiting_thread_polls_when_the_polling_thread_leaves() -> None:
    unit = ScriptedUnit()
    supervisor = supervise(unit)
    leaving = in_thread(supervisor.wait, discard, time.monotonic() + 0.1)
    unit.polled.wait(QUICK_TIMEOUT)
    staying = [in_thread(supervisor.wait, discard) for _ in range(3)]
    assert leaving.result(QUICK_TIMEOUT) is None
    unit.put(ENDED)
    assert [wait.result(QUICK_TIMEOUT) for wait in staying] == [supervisor.outcome] * 3


def test_an_end_that_has_come_counts_even_if_the_time_is_over() -> None:
    assert supervise(ScriptedUnit(ENDED)).wait(discard, time.monotonic() - 1).ok


def test_the_last_output_of_a_run_that_has_ended_is_waited_for_past_the_time() -> None:
    lines: list[str] = []
    unit = ScriptedUnit(Chunk("stdout", b"late\n"), ENDED)
    assert supervise(unit).wait(lambda stream, new: lines.extend(new), time.monotonic() - 1).ok
    assert lines == ["late"]


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
    assert in_thread(supervisor.wait, discard).result(QUICK_TIMEOUT).ok


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
                signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.001), QUICK_TIMEOUT)
                follow_for_ever()
            assert in_thread(supervisor.wait, discard, time.monotonic() + 0.0001).result(QUICK_TIMEOUT) is None
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
    supervisor, waiting = polled(unit)
    supervisor.close()
    assert unit.asked == []
    unit.put(EngineUnavailable("closed"))
    assert isinstance(waiting.exception(QUICK_TIMEOUT), EngineUnavailable)
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


def test_a_close_during_a_kill_takes_effect_when_the_kill_ends() -> None:
    class ClosedByOthers(ScriptedUnit):
        def kill(self) -> None:
            super().kill()
            in_thread(supervisor.close).result(QUICK_TIMEOUT)

    unit = ClosedByOthers()
    supervisor = supervise(unit)
    supervisor.kill()
    assert unit.asked == ["kill", "close"]


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
            assert future.result(QUICK_TIMEOUT) is None
        assert "close" in unit.asked
