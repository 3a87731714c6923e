"""`Supervisor`: follows one started run from its start to its outcome, and stops it when that is due.

It carries out time-outs, grace and stops for all engines. A `StopPlan` decides what is due.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timezone

from .. import run_events
from ..errors import EngineUnavailable, LaunchError
from ..models import Outcome, Reason, Run
from .backend import Chunk, Exit, Unit
from .delivery import Delivery, current
from .outcomes import outcome_of
from .output import Output, Sink
from .pending import Pending, forget_pending, report_pending
from .shortages import RETRY_INTERVAL, Shortage, advice_on
from .stop_plan import StopPlan, StopStep
from .stopper import OUTCOME_INTERVAL, Stopper, bounded_timeout

BLOCKED_LOOKS = 10
"""How many looks of the stopper at a delivery without progress make its sink count as blocked."""

LOOK_INTERVAL = 0.1
"""Seconds between two such looks."""


class Supervisor:
    """One started run, as this process follows it. Any thread may wait for the run, or request its stop.

    The time-out is in seconds from now on, or the time at which it ends.

    One thread at a time polls the unit and passes on its output, holding `_poll_lock`. The others block on the lock;
    when they get it, the outcome is there, or they go on polling.

    While the polling thread is in the sink, which may block, the stopper takes the steps of a stop in its place. If
    the sink takes nothing for a while, the stopper polls too, and drops the rest of the output.
    """

    def __init__(
        self,
        unit: Unit,
        run: Run,
        grace: float,
        timeout: float | datetime | None,
        stopper: Stopper,
        attempt: int = 1,
    ) -> None:
        self.run = run
        self.handle = unit.handle
        self.outcome: Outcome | None = None
        self.abandoned = False
        """Whether the stopper has ended the run, while the thread that launched it or waits for it may be blocked."""
        self._unit = unit
        self._grace = grace
        self._timeout = timeout
        self._attempt = attempt
        self._started_at = datetime.now(timezone.utc)
        self._delivery = Delivery()
        self._output = Output(run, self._delivery)
        self._stopper = stopper
        self._scheduled: object = None  # what the stopper has seen of the stop; None: it does not attend to it
        self._progress = (-1, 0)  # this and the next belong to the stopper: the delivery at its last look,
        self._looks = 0  # and how many looks have seen no progress
        self._poll_lock = threading.RLock()  # reentrant, since a release by a thread without it has to fail: see wait
        self._polling_thread: int | None = None
        self._unit_lock = threading.RLock()  # held by a thread while it uses the unit, and not while it is in the sink
        self._polling = False  # in the unit's poll, or about to be: then `wake` is enough
        self._shortage = Shortage(f"Run {run.name!r} cannot be followed")
        self._closing = False  # set by any thread; the unit is closed by a thread that gets the locks
        # Guards the outcome and the plan: the polling thread or the stopper's thread takes the steps of a stop.
        self._stop_lock = threading.Lock()
        self._plan = StopPlan.of(timeout, self._started_at, time.monotonic(), paused=unit.paused)
        self._stop_requested = False  # this and the next are set by any thread, without the lock
        self._hurry = False
        self._warned = False  # that the run may go on
        self._reported = False  # whether the end, or the loss of the engine, was emitted as an event

    @property
    def polled_here(self) -> bool:
        """Whether the calling thread is the one that polls: its `on_output` is running, and must not wait."""
        return self._polling_thread == threading.get_ident()

    @property
    def ended(self) -> bool:
        return self.outcome is not None

    def request_stop(self, *, hurry: bool = False, grace: float | None = None) -> None:
        """Has the run asked to end, and killed after the grace, or with `hurry` at once. Returns at once.

        `grace` replaces that of the run, unless the run was asked to end before.
        """
        if grace is not None:
            self._grace = grace
        self._stop_requested = True  # before `_polling` is read: the polling thread uses them in the other order
        self._hurry = self._hurry or hurry
        if not (self._unit.wake() and self._polling) and self.outcome is None:
            self._scheduled = self._stop_state
            self._stopper.schedule(self)

    def prepare_for_block(self) -> None:
        """Has the stopper enforce the time-out and a requested stop while this thread does something that may block."""
        if self._plan.due is None and not self._stop_requested:
            return
        if self._scheduled != (state := self._stop_state):
            self._scheduled = state
            self._stopper.watch(self, 0.0 if self._stop_requested or self._plan.due is None else self._plan.due)

    def take_due_step(self) -> float | None:
        """Takes the steps of the stop that are due, and returns when the next one is. Called by the stopper."""
        state, self._scheduled = self._stop_state, None
        try:
            due = self._advance_stop()
        except (LaunchError, OSError) as error:
            if advice_on(error) is not None and not self.ended:  # of a shortage, which may pass
                return time.monotonic() + RETRY_INTERVAL
            if not isinstance(error, LaunchError):
                raise
            self.abandoned = self._delivery.abandoned
            if not self._closing:  # else the launch is over, and the unit is closed
                self.warn_of_survival(error)
            return None
        self._close_if_free()
        if due is not None:
            self._scheduled = state
        return due

    def wait(self, sink: Sink, until: float | None = None) -> Outcome | None:
        """Blocks until the run has ended, and returns its outcome; None if `until` (monotonic seconds) comes first."""
        before, current.delivery = current.delivery, self._delivery
        try:
            if self.outcome is None and not self._wait(sink, until):
                return None
            assert self.outcome is not None
            self._report(self.outcome)
            return self.outcome
        finally:
            current.delivery = before

    def kill(self) -> None:
        """Kills a run whose end the engine no longer reports."""
        with self._unit_lock:
            self._unit.kill()
        self._close_if_free()

    def warn_of_survival(self, error: LaunchError) -> None:
        """Warns, once, that the run could not be stopped."""
        if not self._warned:
            self._warned = True
            run_events.warn_of_survival(self.run, self.handle, error)

    def close(self) -> None:
        """Closes the unit, as soon as no thread polls it. Any thread; it does not block."""
        self._closing = True
        forget_pending(self.handle)
        self._close_if_free()

    @property
    def _stop_state(self) -> object:
        """What decides about the next step of a stop."""
        return self._plan, self._stop_requested, self._hurry

    def _wait(self, sink: Sink, until: float | None) -> bool:
        """`wait` before the end of the run. Returns whether it has ended."""
        me = threading.get_ident()
        if self._polling_thread == me:
            raise RuntimeError(f"on_output of run {self.run.name!r} waits for the run, which waits for on_output.")
        try:
            while not self._poll_lock.acquire(timeout=min(OUTCOME_INTERVAL, bounded_timeout(until or math.inf))):
                if self.outcome is not None or (until is not None and time.monotonic() >= until):
                    return self.outcome is not None
            self._polling_thread = me
            return self._poll_until(sink, until)
        except EngineUnavailable as error:
            self._report(error)
            raise
        finally:  # an interrupt is raised after a call, so the first call here is the release
            if self._polling_thread == me:
                self._polling_thread = None
            try:  # noqa: SIM105 (suppress() would be a call before it)
                self._poll_lock.release()
            except RuntimeError:  # not acquired, for lack of time or because of an interrupt
                pass
            self._close_if_free()

    def _close_if_free(self) -> None:
        if self._closing and not self.polled_here and self._poll_lock.acquire(blocking=False):
            try:
                if self._unit_lock.acquire(blocking=False):
                    try:
                        self._unit.close()
                    finally:
                        self._unit_lock.release()
            finally:
                self._poll_lock.release()

    def _poll_until(self, sink: Sink, until: float | None) -> bool:
        self._output.sink = sink
        while self.outcome is None:
            self._pass_on(self._poll(until))
            if self.outcome is None and until is not None and time.monotonic() >= until:
                if not self._unit.has_ended():
                    return False
                until = None  # the unit limits how long it waits for the last output
        return True

    def _poll(self, until: float | None) -> Sequence[Chunk | Pending | Exit]:
        try:
            return self._poll_unit(until)
        except EngineUnavailable:
            raise
        except (OSError, RuntimeError, MemoryError) as error:
            self._shortage.wait_out(error)
            return ()

    def _poll_unit(self, until: float | None) -> Sequence[Chunk | Pending | Exit]:
        with self._unit_lock:
            if self.outcome is not None:  # the stopper has polled meanwhile
                return ()
            self._polling = True
            try:
                self._stop_if_due(time.monotonic())
                return self._unit.poll(self._poll_timeout(until))
            finally:
                self._polling = False

    def _poll_timeout(self, until: float | None) -> float | None:
        """Seconds until a step of a stop or a state of a line is due, or the wait is over; None if nothing will be."""
        moments = [at for at in (self._plan.due, self._output.due, until) if at is not None]
        return bounded_timeout(min(moments)) if moments else None

    def _pass_on(self, events: Sequence[Chunk | Pending | Exit]) -> None:
        if events and not isinstance(events[0], Exit):
            self.prepare_for_block()
        for event in events:
            if isinstance(event, Exit):
                self._output.finish()
                self._conclude(event)
            elif isinstance(event, Pending):
                report_pending(self.run, self.handle, event, self._attempt)
            else:
                self._output.write(event)
        if self._output.due is not None:
            self._output.pass_on_states(time.monotonic())

    def _conclude(self, end: Exit) -> None:
        """Makes the outcome, unless another thread has made it."""
        with self._stop_lock:
            if self.outcome is not None:
                return
            self.outcome = outcome = outcome_of(
                end,
                self.handle,
                stopped_for=self._plan.reason,
                timeout=self._timeout,
                started_at=self._started_at,
                abandoned=self._delivery.abandoned,
                attempt=self._attempt,
                tail=self._output.tail.lines(),
                has_function=self.run.entrypoint is not None,
            )
        if self._scheduled is not None and (self._stop_requested or self._plan.reason is not None):
            self._stopper.cancel(self)  # else the stopper notices the end soon enough
        forget_pending(self.handle)
        with self._unit_lock:
            self._unit.close()
        if not self._delivery.abandoned:  # else a thread that waits reports it: callbacks of events may block too
            self._report(outcome)

    def _advance_stop(self) -> float | None:
        """Takes the steps that are due, unless the polling thread can be woken to take them."""
        if not self._unit_lock.acquire(blocking=False):
            self._looks = 0
            if self._unit.wake():
                return None  # the polling thread calls `prepare_for_block` before it can block
            self._stop_if_due(time.monotonic())
            return self._plan.due if self.outcome is None else None
        try:
            if self.outcome is not None:
                return None
            self._stop_if_due(time.monotonic())
            if not self._stop_requested and self._plan.reason is None:
                return self._plan.due
            if self._sink_is_blocked():
                self._poll_without_output()
            if self.outcome is not None:
                return None
            next_look = time.monotonic() + LOOK_INTERVAL
            return next_look if self._plan.due is None else min(next_look, self._plan.due)
        finally:
            self._unit_lock.release()

    def _sink_is_blocked(self) -> bool:
        before, self._progress = self._progress, self._delivery.progress
        self._looks = self._looks + 1 if self._progress == before else 0
        return self._looks >= BLOCKED_LOOKS

    def _poll_without_output(self) -> None:
        """Polls in place of the polling thread, so that the stop and what follows it are completed."""
        self._delivery.abandoned = True
        for event in self._unit.poll(0):
            if isinstance(event, Exit):
                self._conclude(event)
                self.abandoned = True

    def _stop_if_due(self, now: float) -> None:
        with self._stop_lock:
            self._plan = self._plan.with_pause(now, self._unit.paused)
        due = self._plan.due
        if self._stop_requested or (due is not None and now >= due):
            with self._stop_lock:
                if self.outcome is None:
                    self._take_steps(now)

    def _take_steps(self, now: float) -> None:
        while True:
            plan, requested = self._plan, self._stop_requested
            grace = 0.0 if self._hurry else self._grace
            has_ended = plan.reason is None and self._unit.has_ended()
            step = plan.next_step(now, requested=requested, hurry=self._hurry, has_ended=has_ended)
            if step is StopStep.KILL:
                self._unit.kill()
                self._plan = plan.after_kill()
            elif step is StopStep.TERMINATE and self._terminate(grace, requested):
                self._plan = plan.after_terminate(now, grace, requested=requested)
            else:
                if plan.reason is None:
                    self._plan = plan.after_end()
                return

    def _terminate(self, grace: float, requested: bool) -> bool:
        self._unit.note_stop(Reason.STOPPED if requested else Reason.TIMED_OUT)
        return self._unit.terminate(grace)

    def _report(self, end: Outcome | EngineUnavailable) -> None:
        if self._reported:
            return
        self._reported = True
        if self._delivery.abandoned:
            run_events.warn_of_lost_output(self.run)
        if isinstance(end, Outcome):
            run_events.emit_end(self.run, self.handle, end)
        else:
            run_events.emit_error(self.run, self.handle.type, self.handle, end, self._attempt)
