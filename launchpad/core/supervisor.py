"""`Supervisor`: follows one started run from its start to its outcome, and stops it when that is due.

It carries out time-outs, grace and stops for all engines. A `StopPlan` decides what is due.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone

from .. import run_events
from ..errors import EngineUnavailable, LaunchError
from ..models import Outcome, Reason, Run
from .backend import Exit, Unit
from .output import Output, Sink
from .stop_plan import StopPlan, StopStep
from .stopper import Stopper, bounded_timeout


class Supervisor:
    """One started run, as this process follows it. Any thread may wait for the run, or request its stop.

    One thread at a time polls the unit, holding `_poll_lock`. The others block on the lock; when they get it, the
    outcome is there, or they go on polling.
    """

    def __init__(self, unit: Unit, run: Run, grace: float, timeout: float | None, stopper: Stopper) -> None:
        self.run = run
        self.handle = unit.handle
        self.outcome: Outcome | None = None
        self._unit = unit
        self._grace = grace
        self._timeout = timeout
        self._started_at = datetime.now(timezone.utc)
        self._output = Output(run)
        self._stopper = stopper
        self._scheduled = False  # in the stopper
        self._poll_lock = threading.RLock()  # reentrant, since a release by a thread without it has to fail: see wait
        self._polling_thread: int | None = None
        self._closing = False  # set by any thread; the unit is closed by a thread that gets the lock
        # Guards the outcome and the plan: the polling thread or the stopper's thread takes the steps of a stop.
        self._stop_lock = threading.Lock()
        self._plan = StopPlan(None if timeout is None else time.monotonic() + timeout)
        self._stop_requested = False  # this and the next are set by any thread, without the lock
        self._hurry = False
        self._reported = False  # whether the end, or the loss of the engine, was emitted as an event

    @property
    def polled_here(self) -> bool:
        """Whether the calling thread is the one that polls: its `on_output` is running, and must not wait."""
        return self._polling_thread == threading.get_ident()

    def request_stop(self, *, hurry: bool = False) -> None:
        """Has the run asked to end, and killed after the grace, or with `hurry` at once. Returns at once."""
        self._stop_requested = True
        self._hurry = self._hurry or hurry
        if not self._unit.wake():
            self._scheduled = True
            self._stopper.schedule(self)

    def take_due_step(self) -> float | None:
        """Takes the steps of the stop that are due, and returns when the next one is. Called by the stopper."""
        try:
            self._stop_if_due(time.monotonic())
        except LaunchError as error:
            run_events.warn_of_survival(self.run, self.handle, error)
            return None
        with self._stop_lock:
            return self._plan.due if self.outcome is None else None

    def wait(self, sink: Sink, until: float | None = None) -> Outcome | None:
        """Blocks until the run has ended, and returns its outcome; None if `until` (monotonic seconds) comes first."""
        if self.outcome is not None:
            return self.outcome
        me = threading.get_ident()
        if self._polling_thread == me:
            raise RuntimeError(f"on_output of run {self.run.name!r} waits for the run, which waits for on_output.")
        left = -1 if until is None else min(max(0.0, until - time.monotonic()), threading.TIMEOUT_MAX)
        try:
            if not self._poll_lock.acquire(timeout=left):
                return None
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

    def kill(self) -> None:
        """Kills a run whose end the engine no longer reports."""
        with self._poll_lock:
            self._unit.kill()
        self._close_if_free()

    def close(self) -> None:
        """Closes the unit, as soon as no thread polls it. Any thread; it does not block."""
        self._closing = True
        self._close_if_free()

    def _close_if_free(self) -> None:
        if self._closing and not self.polled_here and self._poll_lock.acquire(blocking=False):
            try:
                self._unit.close()
            finally:
                self._poll_lock.release()

    def _poll_until(self, sink: Sink, until: float | None) -> Outcome | None:
        self._output.sink = sink
        while self.outcome is None:
            self._stop_if_due(time.monotonic())
            self._poll(self._poll_timeout(until))
            if self.outcome is None and until is not None and time.monotonic() >= until:
                if not self._unit.has_ended():
                    return None
                until = None  # the unit limits how long it waits for the last output
        return self.outcome

    def _poll_timeout(self, until: float | None) -> float | None:
        """Seconds until a step of a stop or a state of a line is due, or the wait is over; None if nothing will be."""
        moments = [at for at in (self._plan.due, self._output.due, until) if at is not None]
        return bounded_timeout(min(moments)) if moments else None

    def _poll(self, timeout: float | None) -> None:
        for event in self._unit.poll(timeout):
            if isinstance(event, Exit):
                self._output.finish()
                with self._stop_lock:
                    self.outcome = self._outcome_of(event)
                if self._scheduled:
                    self._stopper.cancel(self)
                self._unit.close()
                self._report(self.outcome)
            else:
                self._output.write(event)
        if self._output.due is not None:
            self._output.pass_on_states(time.monotonic())

    def _stop_if_due(self, now: float) -> None:
        due = self._plan.due
        if self._stop_requested or (due is not None and now >= due):
            with self._stop_lock:
                if self.outcome is None:
                    self._take_steps(now)

    def _take_steps(self, now: float) -> None:
        while True:
            plan, requested = self._plan, self._stop_requested
            has_ended = plan.reason is None and self._unit.has_ended()
            step = plan.next_step(now, requested=requested, hurry=self._hurry, has_ended=has_ended)
            if step is StopStep.KILL:
                self._unit.kill()
                self._plan = plan.after_kill()
            elif step is StopStep.TERMINATE and self._unit.terminate(self._grace):
                self._plan = plan.after_terminate(now, self._grace, requested=requested)
            else:
                if plan.reason is None:
                    self._plan = plan.after_end()
                return

    def _report(self, end: Outcome | EngineUnavailable) -> None:
        if self._reported:
            return
        self._reported = True
        if isinstance(end, Outcome):
            run_events.emit_end(self.run, self.handle, end)
        else:
            run_events.emit_error(self.run, self.handle.type, self.handle, end)

    def _outcome_of(self, end: Exit) -> Outcome:
        reason, message, hint = end.reason, end.message, end.hint
        if self._plan.reason is not None:  # a run that ended before it was asked to keeps its own reason
            reason, message, hint = self._plan.reason, self._stop_message(self._plan.reason), ""
        return Outcome(
            ok=reason is Reason.COMPLETED,
            exit_code=end.exit_code,
            reason=reason,
            message=message,
            hint=hint,
            handle=self.handle,
            started_at=end.started_at or self._started_at,
            ended_at=end.ended_at or datetime.now(timezone.utc),
            output_complete=end.output_complete,
        )

    def _stop_message(self, reason: Reason) -> str:
        if reason is Reason.STOPPED:
            return "The run was stopped."
        return f"The run was stopped: it took longer than its time-out of {self._timeout:g} s."
